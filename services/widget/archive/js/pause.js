define(['./nodes.js'], function (nodes) {
  const el = nodes.el;
  const of = nodes.of;
  const MINUTE_MS = 60000;

  // Whether somebody takes leads, and the way to change it: oneself, or a manager of the team.
  return function Pause(server, said, options) {
    const root = el('div', { class: of('pause') });
    const told = el('div', {});
    let pause = options.pause;
    let isBusy = false;

    function until(choice) {
      const minutes = { half: 30, hour: 60 }[choice];
      return minutes ? new Date(Date.now() + minutes * MINUTE_MS).toISOString() : null;
    }

    function at(time) {
      const parts = time.split(':');
      const end = new Date();
      end.setHours(Number(parts[0]), Number(parts[1]), 0, 0);
      if (end <= new Date()) {
        end.setDate(end.getDate() + 1);
      }
      return end.toISOString();
    }

    function order(method, path, body) {
      if (isBusy) {
        return;
      }
      isBusy = true;
      root.setAttribute('aria-busy', 'true');
      nodes.fill(told, nodes.tell(said.text('wait'), 'soft'));
      server.ask(method, path, body).then(function (answer) {
        const manager = answer.manager || {};
        pause = manager.state === 'paused' ? { until: manager.paused_until, reason: '' } : null;
        draw();
        nodes.fill(told, nodes.tell(said.text(pause ? 'pause.done' : 'pause.ended'), 'good'));
        focus();
        if (options.changed) {
          options.changed(manager);
        }
      }, function (failure) {
        nodes.fill(told, nodes.tell(said.failure(failure), 'bad'));
      }).then(function () {
        isBusy = false;
        root.removeAttribute('aria-busy');
      });
    }

    function focus() {
      const first = root.querySelector('button, select');
      if (first) {
        first.focus();
      }
    }

    function chooser() {
      const time = el('input', {
        type: 'time', class: of('input'), hidden: true, 'aria-label': said.text('pause.time'),
      });
      const choice = el('select', {
        class: of('input'),
        'aria-label': said.text('pause.until'),
        onchange: function () { time.hidden = choice.value !== 'time'; },
      }, ['half', 'hour', 'time', 'open'].map(function (each) {
        return el('option', { value: each }, said.text('pause.' + each));
      }));
      const reason = el('input', {
        type: 'text', maxlength: 200, class: of('input'), placeholder: said.text('pause.reason'),
        'aria-label': said.text('pause.reason'),
      });
      function go() {
        if (choice.value === 'time' && !time.value) {
          time.focus();
          return;
        }
        order('PUT', '/pause', {
          manager_id: options.managerId,
          until: choice.value === 'time' ? at(time.value) : until(choice.value),
          reason: reason.value.trim(),
        });
      }
      return el('div', { class: of('row') }, [
        choice, time, reason, nodes.button(said.text('pause.pause'), go, options.kind),
      ]);
    }

    function state() {
      if (!pause) {
        return said.text(options.isOwn ? 'pause.active' : 'pause.takes');
      }
      return pause.until
        ? said.text('pause.paused_until', { time: said.time(pause.until, options.zone) })
        : said.text('pause.paused');
    }

    function draw() {
      const deed = pause
        ? nodes.button(said.text('pause.resume'), function () {
          order('DELETE', '/pause/' + options.managerId);
        }, options.kind)
        : chooser();
      nodes.fill(root, [
        el('p', { class: of('state') }, [
          el('span', { class: of('dot') + ' ' + of(pause ? 'dot_paused' : 'dot_active') }),
          options.name ? el('b', {}, options.name + ' ') : null,
          state(),
        ]),
        pause && pause.reason ? el('p', { class: of('soft') }, pause.reason) : null,
        options.refused ? el('p', { class: of('soft') }, options.refused) : deed,
        told,
      ]);
    }

    draw();
    this.node = root;
  };
});
