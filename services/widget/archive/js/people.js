define(['./nodes.js'], function (nodes) {
  const el = nodes.el;
  const of = nodes.of;
  const MANY = 8;

  // A list of managers to choose from, with a search where it is long.
  function choice(said, fields, options) {
    const rows = options.people.map(function (person) {
      const more = options.more ? options.more(person) : null;
      if (more) {
        more.hidden = !options.has(person.id);
      }
      const box = fields.check(options.pointer + '/' + person.id, person.name,
        options.has(person.id), function (isChosen) {
          if (more) {
            more.hidden = !isChosen;
          }
        });
      return {
        id: person.id, name: person.name, box: box, node: el('li', {}, [box.node, more]),
      };
    });
    const find = el('input', {
      type: 'search',
      class: of('input'),
      placeholder: said.text('find'),
      'aria-label': said.text('find'),
      oninput: function () {
        const wanted = find.value.trim().toLowerCase();
        rows.forEach(function (row) {
          row.node.hidden = row.name.toLowerCase().indexOf(wanted) < 0;
        });
      },
    });
    return {
      node: el('div', {}, [
        rows.length > MANY ? find : null,
        el('ul', { class: of('people'), 'aria-label': options.label },
          rows.map(function (row) { return row.node; })),
      ]),
      chosen: function () {
        return rows.filter(function (row) { return row.box.get(); }).map(function (row) {
          return row.id;
        });
      },
    };
  }

  // Everybody who can be chosen, and whoever is named already though they have left.
  function known(managers, ids) {
    const found = managers.slice();
    ids.forEach(function (id) {
      const isKnown = found.some(function (each) { return each.id === id; });
      if (id && !isKnown) {
        found.push({ id: id, name: '#' + id });
      }
    });
    return found;
  }

  return { choice: choice, known: known };
});
