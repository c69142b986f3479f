define(['./nodes.js', './fields.js', './people.js', './stages.js', './sources.js'], function (
  nodes, Fields, people, stages, sources
) {
  const el = nodes.el;
  const of = nodes.of;
  const LINKED = ['lead', 'contacts', 'company', 'tasks', 'company_leads', 'contact_leads'];
  const UNCHANGED = ['no_touch', 'no_stage_change', 'no_change_at_all'];
  const OFF_HOURS = ['wait', 'duty', 'reserve_first_starter'];
  const COEFFICIENT = /^\d{1,7}([.,]\d{1,6})?$/;

  function options(said, prefix, values) {
    return values.map(function (each) { return { value: each, text: said.text(prefix + each) }; });
  }

  // A rule as fields. `get` answers what they hold, or where it is no number.
  return function Form(said, found, changed) {
    const form = found.form || {};
    const isReadOnly = !found.me.may_edit_rules;
    const sections = [];
    const fields = new Fields(isReadOnly, function () {
      fields.unmark();
      summarise();
      changed();
    });
    const managers = found.managers || [];
    const participants = form.participants || [];
    const shown = people.known(managers, participants.map(function (each) { return each.manager; }));
    let wrong = [];

    function summarise() {
      sections.forEach(function (each) { nodes.fill(each.state, each.tell()); });
    }

    function section(name, isOpen, tell, children) {
      const state = el('span', { class: of('soft') });
      sections.push({ state: state, tell: tell });
      return el('details', { class: of('part'), open: isOpen, 'data-section': name }, [
        el('summary', {}, [el('span', { class: of('title') }, said.text('form.' + name)), ' ', state]),
        children,
      ]);
    }

    function whole(pointer, field) {
      const text = field.get();
      if (text === '') {
        return null;
      }
      if (!/^\d{1,9}$/.test(text)) {
        wrong.push({ pointer: pointer, detail: said.text('form.not_whole') });
      }
      return Number(text);
    }

    function needed(pointer, field) {
      if (field.get() === '') {
        wrong.push({ pointer: pointer, detail: said.text('form.needed') });
      }
      return whole(pointer, field);
    }

    function schedules(empty) {
      return [{ value: '', text: said.text(empty) }].concat((found.schedules || []).map(
        function (each) { return { value: each.id, text: each.label }; }));
    }

    // Who, with a row of their own for each who is chosen.
    const rows = {};
    function rowOf(person) {
      const known = participants.filter(function (each) { return each.manager === person.id; })[0];
      const own = known || {};
      const at = 'participants/' + person.id;
      const row = {
        own: own,
        coefficient: fields.text(at + '/coefficient', said.text('form.coefficient'),
          own.coefficient === undefined ? '1' : own.coefficient, { inputmode: 'decimal', maxlength: 14 }),
        priority: fields.number(at + '/priority', said.text('form.priority'), own.priority || 1),
        limit: fields.number(at + '/limit', said.text('form.own_limit'), own.limit),
        schedule: fields.select(at + '/schedule', said.text('form.own_schedule'), own.schedule,
          schedules('form.schedule_same')),
      };
      row.coefficient.node.classList.add(of('field_short'));
      rows[person.id] = row;
      return el('div', { class: of('row') + ' ' + of('own') },
        [row.coefficient.node, row.priority.node, row.limit.node, row.schedule.node]);
    }

    const name = fields.text('name', said.text('form.name'), form.name, { maxlength: 200 });
    const who = people.choice(said, fields, {
      people: shown, pointer: 'chosen', label: said.text('form.who'), more: rowOf,
      has: function (id) { return Boolean(rows[id] && rows[id].own.manager); },
    });
    const schedule = fields.select('schedule', said.text('form.schedule'), form.schedule,
      schedules('form.schedule_default'));
    const byCoefficient = fields.check('distribute_by_coefficient', said.text('form.by_coefficient'),
      form.distribute_by_coefficient !== false);

    const limit = form.limit || {};
    const limitStages = stages(said, fields, limit.stages || []);
    const limitMore = el('div', { hidden: !form.limit });
    const isLimited = fields.check('limit', said.text('form.limited'), form.limit, function (isOn) {
      limitMore.hidden = !isOn;
      if (isOn) {
        limitStages.load();
      }
    });
    const limitMax = fields.number('limit/max', said.text('form.limit_max'), limit.max);
    nodes.fill(limitMore, [limitMax.node, limitStages.node]);
    if (form.limit) {
      limitStages.load();
    }

    const linked = Object.assign({ lead: true }, form.linked);
    const follows = LINKED.map(function (each) {
      return { id: each, box: fields.check('linked/' + each, said.text('form.linked_' + each), linked[each]) };
    });
    const onlyFor = people.choice(said, fields, {
      people: people.known(managers, linked.only_for || []), pointer: 'linked/only_for',
      label: said.text('form.only_for'),
      has: function (id) { return (linked.only_for || []).indexOf(id) >= 0; },
    });

    const owners = form.owners || {};
    const from = sources(said, fields, owners.sources || [], function () { fields.unmark(); changed(); });
    const others = fields.select('owners/others', said.text('form.others'),
      owners.others || 'distribute_anyway', options(said, 'form.others_', ['distribute_anyway', 'keep']));

    const again = form.redistribution || {};
    const againMore = el('div', { hidden: !form.redistribution });
    const isAgain = fields.check('redistribution', said.text('form.again'), form.redistribution,
      function (isOn) { againMore.hidden = !isOn; });
    const after = fields.number('redistribution/after_minutes', said.text('form.after_minutes'),
      again.after_minutes);
    const unchanged = fields.select('redistribution/nothing_changed', said.text('form.nothing_changed'),
      again.nothing_changed || 'no_touch', options(said, 'form.', UNCHANGED));
    nodes.fill(againMore, [after.node, unchanged.node]);

    const dutyId = form.duty ? form.duty.manager : null;
    const duty = fields.select('duty', said.text('form.duty'), dutyId, [
      { value: '', text: said.text('form.nobody') },
    ].concat(people.known(managers, [dutyId]).map(function (each) {
      return { value: each.id, text: each.name };
    })));
    const offHours = fields.select('off_hours', said.text('form.off_hours'), form.off_hours || 'wait',
      options(said, 'form.off_', OFF_HOURS));
    const conditions = fields.check('has_conditions_of_its_own', said.text('form.conditions'),
      form.has_conditions_of_its_own);

    function participant(id) {
      const row = rows[id];
      const at = 'participants/' + id;
      const coefficient = row.coefficient.get();
      if (!COEFFICIENT.test(coefficient)) {
        wrong.push({ pointer: at + '/coefficient', detail: said.text('form.not_number') });
      }
      return Object.assign({}, row.own, {
        manager: id,
        schedule: row.schedule.get() || null,
        coefficient: coefficient.replace(',', '.'),
        priority: needed(at + '/priority', row.priority),
        limit: whole(at + '/limit', row.limit),
      });
    }

    function linkedNow() {
      const now = Object.assign({}, linked, { only_for: onlyFor.chosen() });
      follows.forEach(function (each) { now[each.id] = each.box.get(); });
      return now;
    }

    let sent = [];
    this.get = function () {
      wrong = [];
      sent = who.chosen();
      const value = Object.assign({}, form, {
        name: name.get(),
        participants: sent.map(participant),
        everyone: sent.length === 0,
        schedule: schedule.get() || null,
        distribute_by_coefficient: byCoefficient.get(),
        limit: isLimited.get() ? Object.assign({}, limit, {
          max: needed('limit/max', limitMax),
          // None chosen is all open stages, which the rule says by naming none.
          stages: limitStages.get().length ? limitStages.get() : null,
        }) : null,
        linked: linkedNow(),
        owners: from.get().length ? Object.assign({}, owners, {
          sources: from.get(), others: others.get(),
        }) : null,
        redistribution: isAgain.get() ? Object.assign({}, again, {
          after_minutes: needed('redistribution/after_minutes', after),
          nothing_changed: unchanged.get(),
        }) : null,
        duty: duty.get() ? { manager: Number(duty.get()) } : null,
        off_hours: offHours.get(),
        has_conditions_of_its_own: conditions.get(),
      });
      return { form: value, wrong: wrong };
    };

    // What the server says of a field stands beside it; the rest is for whoever calls.
    this.mark = function (remarks, kind) {
      return remarks.filter(function (each) {
        const at = String(each.pointer).replace(/^\/(form\/)?/, '')
          .replace(/^participants\/(\d+)/, function (whole_, index) {
            return kind === 'own' ? whole_ : 'participants/' + sent[Number(index)];
          });
        return !fields.mark(at, each.detail, kind === 'warning' ? 'warning' : 'bad');
      });
    };
    this.unmark = function () { fields.unmark(); };

    const on = function () { return said.text('form.on'); };
    const off = function () { return said.text('form.off'); };
    this.node = el('div', { class: of('form') }, [
      name.node,
      section('who', true, function () {
        const count = who.chosen().length;
        return count ? said.text('form.chosen', { count: count }) : said.text('form.everyone');
      }, [el('p', { class: of('soft') }, said.text('form.who_hint')), who.node, schedule.node,
        byCoefficient.node]),
      section('limits', Boolean(form.limit), function () { return isLimited.get() ? on() : off(); },
        [isLimited.node, limitMore]),
      section('linked', false, function () {
        return follows.filter(function (each) { return each.box.get(); }).map(function (each) {
          return said.text('form.linked_' + each.id);
        }).join(', ');
      }, [follows.map(function (each) { return each.box.node; }),
        el('p', { class: of('soft') }, said.text('form.only_for_hint')), onlyFor.node]),
      section('owners', false, function () { return from.get().length ? on() : off(); },
        [el('p', { class: of('soft') }, said.text('form.owners_hint')), from.node, others.node]),
      section('again_title', false, function () { return isAgain.get() ? on() : off(); },
        [isAgain.node, againMore, duty.node]),
      section('off_title', false, function () { return said.text('form.off_' + offHours.get()); },
        [offHours.node]),
      conditions.node,
    ]);
    summarise();
  };
});
