// Where everything ends that a widget must not do. A test reads the console, as a person can.
define(() => {
  const { error } = window.console;
  return {
    failed(what) {
      error.call(window.console, `harness: ${what}`);
    },
  };
});
