// The global `APP`, as far as it is documented, behind a guard: whoever writes to it, or reads what
// is not documented, is told on.
define(['jquery', 'report'], ($, report) => {
  const state = JSON.parse(document.getElementById('harness-state').textContent);
  const shown = [];

  function guarded(value, path, keys) {
    if (value === null || typeof value !== 'object') {
      return value;
    }
    return new Proxy(value, {
      get(target, key) {
        if (typeof key === 'symbol' || key in Object.prototype) {
          return target[key];
        }
        const name = `${path}.${key}`;
        if (keys && !(key in keys)) {
          report.failed(`${name} is not documented`);
          return undefined;
        }
        const inner = keys ? keys[key] : null;
        return typeof target[key] === 'function'
          ? target[key].bind(target)
          : guarded(target[key], name, inner);
      },
      set(target, key) {
        report.failed(`${path}.${String(key)} was written`);
        return true;
      },
      defineProperty(target, key) {
        report.failed(`${path}.${String(key)} was defined`);
        return true;
      },
      deleteProperty(target, key) {
        report.failed(`${path}.${String(key)} was deleted`);
        return true;
      },
    });
  }

  function notice(kind) {
    return (message) => {
      shown.push({ kind, header: message.header, text: message.text });
      const box = $('<div class="notification" role="status">').addClass(`notification-${kind}`);
      box.append($('<b>').text(message.header), $('<p>').text(message.text));
      box.appendTo(document.body);
      window.setTimeout(() => box.remove(), 5000);
    };
  }

  const constants = {
    user: () => ({ ...state.user, theme: state.theme }),
    account: () => ({ ...state.account, language: state.language }),
    managers: () => state.managers,
    groups: () => state.groups,
    user_rights: () => ({ is_admin: state.user.is_admin }),
    task_types: () => ({}),
  };

  const app = {
    lang_id: state.language,
    data: { current_card: { id: 0, model: null }, current_entity: '', is_card: false },
    sdk: { showUserStatus: () => ({ [state.user.id]: { id: state.user.id, online: true } }) },
    notifications: {
      show_message: notice('message'),
      show_message_error: notice('error'),
      add_error: () => report.failed('add_error reaches all people of the account'),
    },
    constant(name) {
      if (!(name in constants)) {
        report.failed(`APP.constant('${name}') is not documented`);
        return undefined;
      }
      return guarded(JSON.parse(JSON.stringify(constants[name]())), `APP.constant('${name}')`);
    },
    getWidgetsArea: () => app.area,
    getBaseEntity: () => app.data.current_entity,
    isCard: () => app.data.is_card,
    getV3WidgetsArea: () => app.area,
    area: '',
  };
  const documented = {
    lang_id: null,
    data: { current_card: { id: null, model: null }, current_entity: null, is_card: null },
    sdk: { showUserStatus: null },
    notifications: { show_message: null, show_message_error: null, add_error: null },
    constant: null,
    getWidgetsArea: null,
    getBaseEntity: null,
    isCard: null,
  };

  return { state, own: app, guarded: guarded(app, 'APP', documented) };
});
