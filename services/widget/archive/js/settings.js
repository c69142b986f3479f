define([
  './nodes.js', './constants.js', './pause.js', './own_pause.js', './console.js',
], function (nodes, constants, Pause, ownPause, openConsole) {
  const el = nodes.el;
  const of = nodes.of;

  // Connection, activity and pauses. All of it is kept by our server, so nothing waits for Save.
  return function settings(root, server, said) {
    const told = el('div', {});

    function connection(found) {
      return nodes.tell(
        said.text(found.account.connected ? 'settings.connected' : 'settings.not_connected'),
        found.account.connected ? 'good' : 'bad'
      );
    }

    function toggle(found, name, isAdministrator) {
      const input = el('input', {
        type: 'checkbox',
        'data-field': 'activity.' + name,
        checked: Boolean(found.activity[name]),
        disabled: !isAdministrator,
        onchange: function () {
          const wanted = Object.assign({}, found.activity);
          wanted[name] = input.checked;
          input.disabled = true;
          server.ask('PUT', '/activity', wanted).then(function (answer) {
            found.activity = { enabled: answer.enabled, managers_may_change: answer.managers_may_change };
            nodes.fill(told, nodes.tell(said.text('settings.kept'), 'good'));
          }, function (failure) {
            input.checked = Boolean(found.activity[name]);
            nodes.fill(told, nodes.tell(said.failure(failure), 'bad'));
          }).then(function () { input.disabled = false; });
        },
      });
      return el('label', { class: of('check') }, [input, said.text('settings.' + name)]);
    }

    function manager(found, each) {
      const isPaused = each.state === 'paused';
      return el('li', {}, new Pause(server, said, {
        managerId: each.id,
        name: each.name,
        pause: isPaused ? { until: each.paused_until, reason: '' } : null,
        zone: found.account.zone,
      }).node);
    }

    function team(found) {
      const others = (found.managers || []).filter(function (each) {
        return each.id !== found.me.user_id;
      });
      const mayPause = ['administrator', 'supervisor'].indexOf(found.me.role) >= 0;
      if (!mayPause || !found.activity.enabled || !others.length) {
        return null;
      }
      return el('details', { class: of('part') }, [
        el('summary', {}, said.text('settings.team', { count: others.length })),
        el('ul', { class: of('list') }, others.map(function (each) { return manager(found, each); })),
      ]);
    }

    function privacy() {
      if (!constants.PRIVACY) {
        return null;
      }
      const href = constants.PRIVACY.replace('{language}', server.language());
      return el('p', { class: of('part') }, el('a', {
        href: href, target: '_blank', rel: 'noopener noreferrer',
      }, said.text('settings.privacy')));
    }

    function draw(found) {
      const isAdministrator = found.me.role === 'administrator';
      nodes.fill(root, [
        connection(found),
        el('section', { 'aria-label': said.text('settings.activity') }, [
          toggle(found, 'enabled', isAdministrator),
          toggle(found, 'managers_may_change', isAdministrator),
          isAdministrator ? null
            : el('p', { class: of('soft') }, said.text('settings.administrators_only')),
          told,
        ]),
        el('section', { class: of('part'), 'aria-label': said.text('pause.own') },
          ownPause(server, said, found)),
        team(found),
        el('p', { class: of('part') },
          openConsole.link(server, said, said.text('settings.console'), '')),
        privacy(),
      ]);
    }

    function load() {
      nodes.fill(root, nodes.tell(said.text('loading'), 'soft'));
      return server.bootstrap('settings').then(draw, function (failure) {
        nodes.fill(root, [
          nodes.tell(said.failure(failure), 'bad'),
          nodes.button(said.text('retry'), load),
        ]);
      });
    }

    return load();
  };
});
