define([
  'jquery',
  './js/nodes.js',
  './js/server.js',
  './js/said.js',
  './js/card.js',
  './js/settings.js',
  './js/frame.js',
  './js/trigger.js',
  './js/avatar.js',
], function ($, nodes, Server, Said, card, settings, frame, trigger, avatar) {
  // What Kommo calls, in the order in which it does: render, init, bind_actions, and then the
  // callback of the place. Neither settings nor languages are there when it is constructed.
  return function FairleadWidget() {
    const self = this;
    let server = null;
    let said = null;
    let leave = [];

    function begin() {
      if (!server) {
        server = new Server(self);
        said = new Said(self, server.language());
      }
    }

    function dress() {
      const params = self.get_settings();
      const href = params.path + '/style.css?v=' + params.version;
      const has = Array.prototype.some.call(document.styleSheets, function (sheet) {
        return sheet.ownerNode && sheet.ownerNode.getAttribute('href') === href;
      });
      if (!has && !document.querySelector('link[href="' + href + '"]')) {
        document.head.appendChild(nodes.el('link', { rel: 'stylesheet', href: href }));
      }
    }

    function leadId() {
      const shown = self.system().area === 'lcard' && APP.data.current_card;
      return shown ? Number(shown.id) || 0 : 0;
    }

    function panel() {
      return document.querySelector(
        '.card-widgets__widget-' + self.get_settings().widget_code + ' .' + nodes.of('card')
      );
    }

    function drawCard() {
      if (!leadId() || panel()) {
        return;
      }
      self.render_template({
        caption: { class_name: nodes.of('caption') },
        body: '<div class="fairlead__root fairlead__card"></div>',
        render: '',
      }, {});
    }

    function fillCard() {
      const root = panel();
      if (root && !root.firstChild && leadId()) {
        card(root, leadId(), server, said);
      }
    }

    function ownPage() {
      const code = self.get_settings().widget_code;
      const place = document.getElementById('work-area-' + code)
        || document.getElementById('list_page_holder');
      if (!place || place.querySelector('.' + nodes.of('page'))) {
        return;
      }
      const root = nodes.root('page');
      place.appendChild(root);
      leave.push(frame(root, server, said));
    }

    function drawSettings($body) {
      const code = self.get_settings().widget_code;
      const body = $body && $body[0] ? $body[0] : document;
      const place = body.querySelector('#' + code + '_custom_content')
        || body.querySelector('.widget_settings_block');
      if (!place || place.querySelector('.' + nodes.of('settings'))) {
        return;
      }
      const root = nodes.root('settings');
      place.appendChild(root);
      const kept = body.querySelector('#' + code + '_custom') || body.querySelector('input[name=config]');
      if (kept && !kept.value) {
        // Kommo keeps a version and nothing else; all that is set here our server keeps.
        kept.value = '{"v":1}';
        $(kept).trigger('change');
      }
      if (self.get_install_status() === 'installed') {
        settings(root, server, said);
      } else {
        nodes.fill(root, nodes.el('p', {}, said.text('settings.install')));
      }
    }

    function drawAvatar() {
      const own = avatar(server, said);
      own.attach();
      $(document).off('page:changed' + self.ns).on('page:changed' + self.ns, own.attach);
      leave.push(own.detach);
    }

    this.callbacks = {
      render: function () {
        begin();
        dress();
        drawCard();
        return true;
      },
      init: function () {
        fillCard();
        drawAvatar();
        return true;
      },
      bind_actions: function () {
        fillCard();
        return true;
      },
      settings: function ($body) {
        drawSettings($body);
        return true;
      },
      onSave: function () {
        return true;
      },
      dpSettings: function () {
        trigger(self.get_settings().widget_code, server, said);
        return true;
      },
      advancedSettings: function () {
        ownPage();
        return true;
      },
      initMenuPage: function () {
        ownPage();
        return true;
      },
      destroy: function () {
        leave.forEach(function (each) { each(); });
        leave = [];
        if (server) {
          server.end();
          server = null;
        }
        return true;
      },
    };
    return this;
  };
});
