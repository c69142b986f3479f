// The platform's loader: the order of calls that a widget lives by.
define(['jquery', 'app', 'base', 'report'], ($, app, base, report) => {
  const loaded = new Map();
  const AREAS = {
    lcard: (place) => place.startsWith('lcard-'),
    everywhere: (place) => place === 'everywhere',
    widgetsSettings: (place) => place === 'settings',
    advanced_settings: (place) => place === 'advanced_settings',
    widget_page: (place) => place === 'widget_page',
    digital_pipeline: () => false,
  };

  function isWanted(entry, area) {
    const here = AREAS[area] || (() => false);
    return entry.locations.some((place) => place === 'everywhere' || here(place));
  }

  function modules(entry) {
    return new Promise((resolve, reject) => {
      const version = `?v=${entry.version}`;
      requirejs(
        [`optional!${entry.src}${version}`, `json!${entry.lang}${version}`],
        (widget, words) => resolve([widget, words]),
        reject
      );
    });
  }

  function rendered(widget) {
    const { knobs } = app.state;
    if (knobs.includes('exception')) {
      throw new Error('as the knob says');
    }
    const answer = widget.callbacks.render.call(widget);
    if (knobs.includes('thenable') && answer) {
      return new Promise((resolve) => { window.setTimeout(() => resolve(answer), 300); });
    }
    return answer;
  }

  function begun(code, widget) {
    const { callbacks } = widget;
    const answer = rendered(widget);
    if (!answer) {
      return;
    }
    $(document).trigger(`widget:${code}:loaded`);
    if (typeof answer.then === 'function') {
      callbacks.bind_actions.call(widget);
      answer.then(() => callbacks.init.call(widget));
      return;
    }
    callbacks.init.call(widget);
    callbacks.bind_actions.call(widget);
  }

  function guardedly(code, call) {
    try {
      return call();
    } catch (error) {
      report.failed(`widget ${code}: ${error.stack}`);
      return undefined;
    }
  }

  async function load(entry) {
    const { code } = entry;
    if (loaded.has(code)) {
      const known = loaded.get(code);
      guardedly(code, () => rendered(known.widget));
      return known.widget;
    }
    const [Widget, words] = await modules(entry);
    if (typeof Widget !== 'function') {
      report.failed(`the module of ${code} is no function`);
      return null;
    }
    app.state.widget.name = ((words || {}).widget || {}).name;
    const widget = guardedly(code, () => base.made(Widget, entry, words));
    if (!widget) {
      return null;
    }
    loaded.set(code, { widget, entry });
    guardedly(code, () => begun(code, widget));
    return widget;
  }

  // The widgets of a page; those of people who pay nothing are never loaded.
  async function enter(area) {
    app.own.area = area;
    if (app.state.is_free) {
      return;
    }
    const answer = await fetch('/ajax/widgets/list', {
      method: 'POST',
      body: new URLSearchParams({ area }),
    });
    const { widgets } = await answer.json();
    await Promise.all(
      Object.values(widgets).filter((entry) => isWanted(entry, area)).map(load)
    );
  }

  // One widget for a modal, whose area is `widgetsSettings:CODE`.
  async function forModal(entry, area) {
    app.own.area = area;
    return app.state.is_free ? null : load(entry);
  }

  async function call(name, ...args) {
    for (const [code, { widget }] of loaded) {
      const callback = widget.callbacks[name];
      if (callback) {
        guardedly(code, () => callback.apply(widget, args));
      }
    }
  }

  function drop(code) {
    const { widget } = loaded.get(code);
    guardedly(code, () => widget.callbacks.destroy && widget.callbacks.destroy.call(widget));
    $(document).off(widget.ns);
    $(`.card-widgets__widget-${code}`).remove();
    loaded.delete(code);
  }

  function leave() {
    for (const [code, { entry }] of [...loaded]) {
      if (!entry.init_once) {
        drop(code);
      }
    }
  }

  return { enter, forModal, call, drop, leave, loaded };
});
