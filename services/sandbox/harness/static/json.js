// The plugin `json`: a file read as JSON.
define(['text'], (text) => ({
  load(name, require, onload) {
    const read = (content) => onload(JSON.parse(content));
    read.error = onload.error;
    text.load(name, require, read);
  },
}));
