// The plugin `optional`: a module, or nothing if it cannot be had.
define(['report'], (report) => ({
  load(name, require, onload) {
    require([name], onload, (error) => {
      report.failed(`${name} was not loaded: ${error.message}`);
      onload(undefined);
    });
  },
}));
