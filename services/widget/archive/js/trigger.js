define(['jquery', './constants.js', './nodes.js', './form.js'], function ($, constants, nodes, Form) {
  const el = nodes.el;
  const of = nodes.of;
  const NAMES = ['rule', 'rev', 'key'];

  function inputsIn(place) {
    const found = {};
    NAMES.forEach(function (name) { found[name] = place.querySelector('input[name=' + name + ']'); });
    return NAMES.every(function (name) { return found[name]; }) ? found : null;
  }

  // Kommo nests its mark in more than one way: from it up to whatever holds our inputs, never the
  // whole page, where another widget's inputs could be called the same.
  function opened(code) {
    const found = [];
    document.querySelectorAll('.digital-pipeline__short-task_widget-style_' + code).forEach(
      function (mark) {
        let place = mark;
        while (place && place !== document.body && !inputsIn(place)) {
          place = place.parentElement;
        }
        if (!place || place === document.body) {
          return;
        }
        place.querySelectorAll('input[name=rule]').forEach(function (input) {
          const inputs = inputsIn(input.closest('form') || place);
          if (inputs && inputs.rule === input && !found.some(function (each) {
            return each.rule === input;
          })) {
            found.push(inputs);
          }
        });
      }
    );
    return found;
  }

  function rowOf(input) {
    return input.closest('.widget_settings_block__item_field') || input;
  }

  function nearest(node, selector) {
    for (let place = node; place && place !== document.body; place = place.parentElement) {
      const found = place.querySelector(selector);
      if (found) {
        return found;
      }
    }
    return null;
  }

  function stageOf(node) {
    const holder = node.closest('[data-stage-id]');
    const pipeline = /\/pipeline\/(?:leads\/)?(\d+)/.exec(window.location.pathname);
    return {
      pipeline: pipeline ? Number(pipeline[1]) : null,
      stage: holder ? Number(holder.getAttribute('data-stage-id')) : null,
    };
  }

  // Save of the trigger is Kommo's. Meanwhile it is disabled by Kommo's own event, and given back
  // as it was found.
  function Hold(root) {
    const save = nearest(root, '.js-trigger-save');
    let wasEnabled = null;
    this.take = function () {
      if (!save) {
        return;
      }
      if (wasEnabled === null) {
        wasEnabled = !save.disabled && !/disabled/.test(save.className);
      }
      $(save).trigger('button:save:disable');
    };
    this.release = function (isChanged) {
      if (save && wasEnabled !== null && (wasEnabled || isChanged)) {
        $(save).trigger('button:save:enable');
      }
      wasEnabled = null;
    };
  }

  function mount(inputs, server, said) {
    const first = rowOf(inputs.rule);
    const parent = first.parentElement;
    if (parent.querySelector('.' + of('trigger'))) {
      return;
    }
    const root = nodes.root('trigger');
    const told = el('div', {});
    const body = el('div', {});
    parent.insertBefore(root, first);
    nodes.fill(root, [body, told]);
    NAMES.forEach(function (name) { rowOf(inputs[name]).style.display = 'none'; });
    // Kommo's form listens to what bubbles: a key in a field of ours is no change of the trigger.
    ['input', 'change', 'keyup', 'keypress'].forEach(function (name) {
      root.addEventListener(name, function (event) { event.stopPropagation(); });
    });
    root.addEventListener('keydown', function (event) {
      if (event.key === 'Enter' && /^(INPUT|SELECT)$/.test(event.target.tagName)) {
        event.preventDefault();
      }
    });

    const hold = new Hold(root);
    const place = stageOf(root);
    let held = null;
    let view = null;
    let timer = null;
    let isSending = false;
    let isDirty = false;
    // Asked for, and not yet answered: whatever is sent until then makes it separate.
    let isSeparating = false;
    const copied = el('div', {});

    function write(answer) {
      held = { rule: answer.rule, rev: answer.rev, key: answer.key };
      NAMES.forEach(function (name) {
        inputs[name].value = String(held[name]);
        inputs[name].dispatchEvent(new Event('input', { bubbles: true }));
        inputs[name].dispatchEvent(new Event('change', { bubbles: true }));
      });
    }

    function changed() {
      isDirty = true;
      hold.take();
      nodes.fill(told, nodes.tell(said.text('trigger.soon'), 'soft'));
      clearTimeout(timer);
      timer = setTimeout(send, constants.PAUSE_MS);
    }

    function separate() {
      isSeparating = true;
      isDirty = true;
      send();
    }

    function send() {
      clearTimeout(timer);
      if (isSending || !document.body.contains(root)) {
        return;
      }
      const now = view.get();
      view.unmark();
      isDirty = false;
      if (now.wrong.length) {
        view.mark(now.wrong, 'own');
        nodes.fill(told, nodes.tell(said.text('trigger.wrong'), 'bad'));
        return;
      }
      hold.take();
      isSending = true;
      nodes.fill(told, nodes.tell(said.text('trigger.keeping'), 'soft'));
      server.ask('POST', '/rules', {
        rule: held.rule, rev: held.rev, separate: isSeparating,
        pipeline: place.pipeline, stage: place.stage, form: now.form,
      }).then(function (answer) {
        isSending = false;
        if (document.body.contains(root)) {
          kept(answer);
        }
      }, function (failure) {
        isSending = false;
        failed(failure);
      });
    }

    function kept(answer) {
      if (isSeparating && answer.rule !== held.rule) {
        isSeparating = false;
        if (copied.contains(document.activeElement)) {
          view.node.querySelector('[data-field]').focus();
        }
        nodes.fill(copied, null);
      }
      write(answer);
      if (isDirty) {
        send();
        return;
      }
      const rest = view.mark(answer.warnings || [], 'warning');
      nodes.fill(told, [
        rest.map(function (each) { return nodes.tell(each.detail, 'warning'); }),
        nodes.tell(said.text('trigger.kept'), 'good'),
      ]);
      hold.release(true);
    }

    function failed(failure) {
      if (isDirty) {
        send();
        return;
      }
      const errors = failure.status === 422 ? failure.errors : [];
      const rest = view.mark(errors, 'bad');
      nodes.fill(told, [
        rest.map(function (each) { return nodes.tell(each.detail, 'bad'); }),
        nodes.tell(errors.length ? said.text('trigger.wrong') : said.failure(failure), 'bad'),
        el('p', {}, said.text(held.rule ? 'trigger.as_it_was' : 'trigger.empty')),
        errors.length ? null : nodes.button(said.text('retry'), send),
      ]);
      if (!errors.length) {
        hold.release(false);
      }
    }

    function neighbours(here) {
      const others = here.others || [];
      const files = others.filter(function (each) { return each.from === 'file'; });
      const after = (here.after || []).join(', ');
      return [
        here.of > 1 ? el('p', { class: of('here') }, said.text(
          after ? 'trigger.place_after' : 'trigger.place',
          { place: here.place, of: here.of, after: after }
        )) : null,
        here.both_unconditional ? nodes.tell(said.text('trigger.never'), 'warning') : null,
        files.length ? el('p', { class: of('soft') }, said.text('trigger.files', {
          names: files.map(function (each) { return each.name || each.id; }).join(', '),
        })) : null,
      ];
    }

    function copy(found) {
      const stage = found.here && found.here.is_copy_of;
      nodes.fill(copied, stage ? el('div', { class: of('here') }, [
        el('p', {}, said.text('trigger.copy', { stage: stage })),
        found.me.may_edit_rules ? nodes.button(said.text('trigger.separate'), separate) : null,
      ]) : null);
      return copied;
    }

    function draw(found) {
      held = { rule: found.rule || null, rev: found.rev || null, key: found.key || null };
      view = new Form(said, found, changed);
      nodes.fill(told, null);
      nodes.fill(body, [
        found.me.may_edit_rules ? null : nodes.tell(said.text('trigger.read_only'), 'warning'),
        neighbours(found.here || {}),
        copy(found),
        view.node,
      ]);
      if (!held.rule && found.me.may_edit_rules) {
        send();
      } else {
        hold.release(false);
      }
    }

    function load() {
      nodes.fill(body, nodes.tell(said.text('loading'), 'soft'));
      server.bootstrap('trigger', {
        pipeline: place.pipeline, stage: place.stage,
        rule: inputs.rule.value, rev: inputs.rev.value,
      }).then(draw, function (failure) {
        nodes.fill(body, [
          nodes.tell(said.failure(failure), 'bad'),
          el('p', {}, said.text(inputs.rule.value ? 'trigger.as_it_was' : 'trigger.empty')),
          nodes.button(said.text('retry'), load),
        ]);
      });
    }

    load();
  }

  return function trigger(code, server, said) {
    opened(code).forEach(function (inputs) { mount(inputs, server, said); });
  };
});
