define(['./nodes.js'], function (nodes) {
  const el = nodes.el;
  const of = nodes.of;
  const ALL = ['lead', 'contact', 'company', 'other_lead'];

  // Where an owner is looked for, in order: chosen by a tick, moved by a button.
  return function sources(said, fields, chosen, changed) {
    const list = el('ol', { class: of('people') });
    const order = chosen.concat(ALL.filter(function (each) { return chosen.indexOf(each) < 0; }));
    const rows = order.map(function (each) {
      const name = said.text('form.source_' + each);
      const box = fields.check('owners/sources/' + each, name, chosen.indexOf(each) >= 0);
      const up = nodes.button('\u2191', function () { move(row, -1, up); }, 'small');
      const down = nodes.button('\u2193', function () { move(row, 1, down); }, 'small');
      up.setAttribute('aria-label', said.text('form.up', { name: name }));
      down.setAttribute('aria-label', said.text('form.down', { name: name }));
      up.disabled = fields.isReadOnly;
      down.disabled = fields.isReadOnly;
      const row = { id: each, box: box, node: el('li', { class: of('row') }, [box.node, up, down]) };
      return row;
    });

    function move(row, by, button) {
      const from = rows.indexOf(row);
      const to = from + by;
      if (to < 0 || to >= rows.length) {
        return;
      }
      rows.splice(from, 1);
      rows.splice(to, 0, row);
      draw();
      button.focus();
      changed();
    }

    function draw() {
      nodes.fill(list, rows.map(function (row) { return row.node; }));
    }

    draw();
    return {
      node: list,
      get: function () {
        return rows.filter(function (row) { return row.box.get(); }).map(function (row) {
          return row.id;
        });
      },
    };
  };
});
