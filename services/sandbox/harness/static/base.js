// The base class that the platform mixes into what a widget's module returns.
define(['jquery', 'underscore', 'twigjs', 'app', 'report'], ($, _, Twig, app, report) => {
  const TOKEN_KEPT_MS = 25 * 60 * 1000;
  const methods = {};
  let kept = null;

  function found(words, path) {
    return String(path).split('.').reduce((part, key) => (part || {})[key], words);
  }

  async function token(uuid) {
    const isFresh = app.state.knobs.includes('fresh_token');
    if (!isFresh && kept && kept.uuid === uuid && Date.now() < kept.until) {
      return kept.token;
    }
    const answer = await fetch(`/ajax/v2/integrations/${uuid}/disposable_token`);
    if (!answer.ok) {
      throw new Error('no token');
    }
    kept = { uuid, until: Date.now() + TOKEN_KEPT_MS, token: (await answer.json()).token };
    return kept.token;
  }

  methods.get_settings = function getSettings() {
    return this.params;
  };

  methods.set_settings = function setSettings(changes) {
    Object.assign(this.params, changes);
  };

  methods.get_version = function getVersion() {
    return this.params.version;
  };

  methods.get_install_status = function getInstallStatus() {
    return this.params.status;
  };

  methods.system = function system() {
    return {
      area: app.own.area,
      amouser_id: app.state.user.id,
      amouser: app.state.managers[app.state.user.id].login,
      subdomain: app.state.account.subdomain,
      server: window.location.origin,
    };
  };

  methods.i18n = function i18n(path) {
    const words = found(this.langs, path);
    if (words === undefined) {
      report.failed(`there is no text ${path}`);
    }
    return words;
  };

  methods.list_selected = function listSelected() {
    return { selected: [], summary: {} };
  };

  methods.render = function render(template, data) {
    if (template.ref) {
      const known = Twig.twig({ ref: template.ref });
      if (!known) {
        report.failed(`there is no template ${template.ref}`);
        return '';
      }
      return known.render(data || {});
    }
    if (template.data !== undefined) {
      return Twig.twig({ data: template.data }).render(data || {});
    }
    const reading = fetch(`${template.base_path}${template.href}?v=${template.v}`)
      .then((answer) => answer.text())
      .then((text) => Twig.twig({ data: text }));
    if (template.load) {
      reading.then(template.load);
      return '';
    }
    return reading;
  };

  methods.render_template = function renderTemplate(template, data) {
    const { code } = this.params;
    const card = $('<div class="card-widgets__widget">').addClass(`card-widgets__widget-${code}`);
    const caption = $(
      '<div class="js-widget-caption-block card-widgets__widget__caption" tabindex="0"></div>'
    );
    caption.addClass((template.caption || {}).class_name || '');
    caption.append($('<img class="card-widgets__widget__caption__logo" alt="">')
      .attr('src', `${this.params.images_path}/logo_min.png`));
    caption.append($('<span>').text(app.state.widget.name || code));
    const body = $('<div class="card-widgets__widget__body">');
    const inner = template.render ? this.render({ data: template.render }, data || {}) : '';
    body.append($.parseHTML(`${template.body || ''}${inner}`));
    card.append(caption, body).appendTo('#widgets_block');
    const opened = () => card.toggleClass('is-open card-widgets__widget-expanded');
    caption.on('click', opened).on('keydown', (event) => {
      if (event.key === 'Enter') {
        opened();
      }
    });
  };

  methods.$authorizedAjax = function authorizedAjax(settings) {
    const result = $.Deferred();
    if (this.params.widget_active !== 'Y') {
      report.failed('$authorizedAjax was used before the installation');
      return result.reject({ status: 0 }).promise();
    }
    token(this.params.oauth_client_uuid).then(
      (known) => {
        const headers = { ...(settings.headers || {}), 'X-Auth-Token': known };
        $.ajax({ ...settings, headers }).then(result.resolve, result.reject);
      },
      () => result.reject({ status: 0 })
    );
    return result.promise();
  };

  function made(Widget, entry, words) {
    _.defaults(Widget.prototype, methods);
    const widget = new Widget();
    widget.ns = `.widget:${entry.code}`;
    widget.langs = words;
    widget.params = {
      ...entry.settings,
      widget_code: entry.code,
      code: entry.code,
      path: entry.path,
      images_path: entry.images_path,
      version: entry.version,
      status: entry.active === 'Y' ? 'installed' : 'install',
      widget_active: entry.active,
      oauth_client_uuid: entry.oauth_client_uuid,
      active: entry.active,
    };
    return widget;
  }

  return { made };
});
