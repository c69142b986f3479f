// The plugin `text`: a file as it is.
define(() => ({
  load(name, require, onload) {
    fetch(require.toUrl(name)).then(async (answer) => {
      if (answer.ok) {
        onload(await answer.text());
      } else {
        onload.error(new Error(`${name}: ${answer.status}`));
      }
    }, onload.error);
  },
}));
