define(function () {
  // Sentences of the language files, times and failures in words.
  return function Said(widget, language) {
    const self = this;

    this.text = function (path, values) {
      const found = widget.i18n(path);
      return String(found || path).replace(/\{(\w+)\}/g, function (whole, name) {
        return values && name in values ? String(values[name]) : whole;
      });
    };

    this.time = function (instant, zone) {
      const at = new Date(instant);
      const isToday = at.toDateString() === new Date().toDateString();
      const style = { hour: '2-digit', minute: '2-digit' };
      if (!isToday) {
        Object.assign(style, { weekday: 'short', day: 'numeric', month: 'short' });
      }
      if (zone) {
        style.timeZone = zone;
      }
      return new Intl.DateTimeFormat(language, style).format(at);
    };

    this.failure = function (failure) {
      if (failure && failure.detail) {
        return failure.detail;
      }
      const status = failure ? failure.status : 0;
      if (status === 401 || status === 403) {
        return self.text('failed.denied');
      }
      return self.text(status ? 'failed.server' : 'failed.silent');
    };
  };
});
