define(function () {
  // A published widget changes the menu on the left only where Kommo lets it: nothing to do here.
  return function avatar() {
    return { attach: function () {}, detach: function () {} };
  };
});
