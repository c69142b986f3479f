"""A widget of ten lines that writes down every call; what its text says, it does besides."""

import zipfile
from pathlib import Path
from typing import Any

import orjson

MANIFEST: dict[str, Any] = {
    "widget": {
        "name": "widget.name",
        "version": "1.0.0",
        "interface_version": 2,
        "init_once": False,
        "locale": ["en"],
        "installation": True,
    },
    "locations": [
        "settings",
        "advanced_settings",
        "digital_pipeline",
        "lcard-1",
        "widget_page",
        "everywhere",
    ],
    "left_menu": {"tiny": {"title": "menu.title"}},
    "settings": {"config": {"name": "settings.config", "type": "custom", "required": False}},
    "dp": {
        "settings": {
            "rule": {"name": "dp.rule", "type": "text"},
            "key": {"name": "dp.key", "type": "text"},
        },
        "action_multiple": False,
        "webhook_url": "https://fairlead.test/dp/secret/",
    },
}
WORDS = {"widget": {"name": "Tiny"}}
SCRIPT = """
define(['jquery', './js/told.js'], function ($, told) {
  return function () {
    var self = this;
    told('constructed');
    function note(name, answer) {
      return function () { told(name); return answer; };
    }
    this.callbacks = {
      render: function () {
        told('render');
        if (self.system().area === 'lcard') {
          var html = self.render({ ref: '/tmpl/controls/button.twig' }, { text: 'Take it' });
          self.render_template({ caption: {}, body: html, render: '' }, {});
        }
        DEED
        return true;
      },
      init: note('init', true),
      bind_actions: function () {
        told('bind_actions');
        $(document).on('page:changed' + self.ns, function () { told('page:changed'); });
        return true;
      },
      settings: function ($body) {
        told('settings');
        $body.find('#fairlead_custom').val('{"v":1}').trigger('change');
      },
      onSave: function (event) { told('onSave ' + event.active); return Promise.resolve(true); },
      dpSettings: function () {
        told('dpSettings');
        $('.digital-pipeline__short-task_widget-style_fairlead').each(function () {
          var root = this;
          while (root !== document.body && !root.querySelector('input[name=rule]')) {
            root = root.parentNode;
          }
          if (root !== document.body) {
            var input = root.querySelector('input[name=rule]');
            input.value = input.value || 'r7';
            input.dispatchEvent(new Event('input', { bubbles: true }));
          }
        });
      },
      advancedSettings: function () {
        told('advancedSettings');
        $('#list_page_holder, #work-area-fairlead').text('advanced');
      },
      initMenuPage: function (params) { told('initMenuPage ' + params.item_code); },
      destroy: note('destroy'),
    };
    return this;
  };
});
"""
TOLD = """
define(function () {
  return function (what) {
    var list = document.documentElement.getAttribute('data-told');
    document.documentElement.setAttribute('data-told', (list ? list + ', ' : '') + what);
  };
});
"""


def tiny(folder: Path, deed: str = "") -> Path:
    """Write its archive.

    Args:
        folder: Where.
        deed: What it does besides whenever it is rendered.
    """
    path = folder / f"tiny-{abs(hash(deed))}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", orjson.dumps(MANIFEST))
        archive.writestr("script.js", SCRIPT.replace("DEED", deed))
        archive.writestr("js/told.js", TOLD)
        archive.writestr("i18n/en.json", orjson.dumps(WORDS))
        for name in ("logo", "logo_main", "logo_min"):
            archive.writestr(f"images/{name}.png", b"")
    return path
