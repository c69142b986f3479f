define(['./nodes.js', './own_pause.js', './console.js'], function (nodes, ownPause, openConsole) {
  const el = nodes.el;
  const of = nodes.of;

  // Whose lead it is and why, when it is looked at again, and what the one who looks may do.
  return function card(root, leadId, server, said) {
    const told = el('div', {});
    const deeds = el('div', { class: of('row') });

    const keys = {};

    // The same until it is known to have worked: a repeat after a lost answer changes nothing.
    function key(name) {
      keys[name] = keys[name] || ['widget', leadId, Date.now().toString(36),
        Math.random().toString(36).slice(2)].join('-');
      return keys[name];
    }

    function deed(name, isAllowed, refused) {
      if (!isAllowed && !refused) {
        return null;
      }
      const button = nodes.button(said.text('card.' + name), function () { go(name); },
        name === 'take' ? 'main' : '');
      return isAllowed ? button : nodes.refuse(button, refused);
    }

    function go(name) {
      const path = '/leads/' + leadId + (name === 'take' ? '/take' : '/pass-on');
      deeds.setAttribute('aria-busy', 'true');
      deeds.querySelectorAll('button').forEach(function (each) { each.disabled = true; });
      nodes.fill(told, nodes.tell(said.text('wait'), 'soft'));
      server.ask('POST', path, {}, key(name)).then(function (answer) {
        delete keys[name];
        load(nodes.tell(answer.sentence, 'good'));
      }, function (failure) {
        nodes.fill(told, nodes.tell(said.failure(failure), 'bad'));
        deeds.querySelectorAll('button').forEach(function (each) { each.disabled = false; });
      }).then(function () { deeds.removeAttribute('aria-busy'); });
    }

    function waiting(lead, zone) {
      if (!lead.waiting) {
        return null;
      }
      const next = lead.waiting.next_look_at;
      return el('p', { class: of('waiting') }, [
        lead.waiting.why,
        next ? ' ' + said.text('card.next_look', { time: said.time(next, zone) }) : '',
      ]);
    }

    function story(found) {
      const lead = found.lead;
      const zone = found.account && found.account.zone;
      if (!lead) {
        return el('p', { class: of('soft') }, said.text('card.unknown'));
      }
      nodes.fill(deeds, [
        deed('take', lead.may_take, lead.refused && lead.refused.take),
        deed('pass_on', lead.may_pass_on, lead.refused && lead.refused.pass_on),
      ]);
      return [
        lead.manager_name ? el('p', { class: of('whose') }, lead.manager_name) : null,
        el('p', {}, lead.sentence),
        lead.decided_at && !lead.waiting
          ? el('p', { class: of('soft') },
            said.text('card.decided', { time: said.time(lead.decided_at, zone) })) : null,
        waiting(lead, zone),
        deeds,
      ];
    }

    function draw(found, news) {
      nodes.fill(told, news);
      nodes.fill(root, [
        el('section', { 'aria-label': said.text('card.lead') }, [story(found), told]),
        el('section', { class: of('part'), 'aria-label': said.text('pause.own') },
          ownPause(server, said, found)),
        el('p', { class: of('part') },
          openConsole.link(server, said, said.text('card.more'), 'lead/' + leadId)),
      ]);
    }

    function load(news) {
      return server.bootstrap('card', { lead_id: leadId }).then(
        function (found) { draw(found, news); },
        function (failure) {
          nodes.fill(root, [
            nodes.tell(said.failure(failure), 'bad'),
            nodes.button(said.text('retry'), function () { load(); }),
          ]);
        }
      );
    }

    nodes.fill(root, nodes.tell(said.text('loading'), 'soft'));
    return load();
  };
});
