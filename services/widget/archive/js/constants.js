define({
  // The one server that the widget talks to; written by `fairlead widget build`.
  ORIGIN: 'https://fairlead.example',
  PATH: '/widget/v1',
  TIMEOUT_MS: 8000,
  PAUSE_MS: 500,
  ROOT: 'fairlead',
});
