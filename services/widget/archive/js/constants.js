define({
  // The one server that the widget talks to; written by `fairlead widget build`.
  ORIGIN: 'https://fairlead.example',
  PATH: '/widget/v1',
  // What happens to people's data; in a published widget alone. {language} is that of the reader.
  PRIVACY: '',
  TIMEOUT_MS: 8000,
  PAUSE_MS: 500,
  ROOT: 'fairlead',
});
