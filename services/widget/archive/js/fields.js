define(['./nodes.js'], function (nodes) {
  const el = nodes.el;
  const of = nodes.of;
  let count = 0;

  // Controls with their labels, and a place beside each for what is wrong with it. No control has
  // a name: Kommo would take it for a setting of the trigger.
  return function Fields(isReadOnly, changed) {
    const known = {};

    function wrap(pointer, control, label, isCheck) {
      count += 1;
      control.id = 'fairlead-field-' + count;
      control.setAttribute('data-field', pointer.replace(/\//g, '.'));
      control.disabled = isReadOnly;
      const wrong = el('p', { class: of('wrong'), id: control.id + '-wrong', hidden: true });
      const name = el('label', { for: control.id }, label);
      const node = el('div', { class: of(isCheck ? 'check' : 'field') },
        isCheck ? [control, name, wrong] : [name, control, wrong]);
      known[pointer] = { control: control, wrong: wrong };
      return node;
    }

    function made(pointer, control, label, isCheck) {
      const node = wrap(pointer, control, label, isCheck);
      return {
        node: node,
        get: function () { return isCheck ? control.checked : control.value.trim(); },
      };
    }

    this.text = function (pointer, label, value, attributes) {
      const control = el('input', Object.assign({
        type: 'text', class: of('input'), autocomplete: 'off', oninput: changed,
      }, attributes));
      control.value = value === null || value === undefined ? '' : String(value);
      return made(pointer, control, label);
    };

    this.number = function (pointer, label, value, attributes) {
      const field = this.text(pointer, label, value, Object.assign(
        { inputmode: 'numeric', maxlength: 12 }, attributes));
      field.node.classList.add(of('field_short'));
      return field;
    };

    this.check = function (pointer, label, value, onchange) {
      const control = el('input', {
        type: 'checkbox',
        onchange: function () {
          if (onchange) {
            onchange(control.checked);
          }
          changed();
        },
      });
      control.checked = Boolean(value);
      return made(pointer, control, label, true);
    };

    this.select = function (pointer, label, value, options) {
      const control = el('select', { class: of('input'), onchange: changed },
        options.map(function (each) { return el('option', { value: each.value }, each.text); }));
      control.value = value === null || value === undefined ? '' : String(value);
      return made(pointer, control, label);
    };

    // Beside its control, or beside what holds it; false where the form has no such place.
    this.mark = function (pointer, text, kind) {
      const parts = pointer.split('/');
      if (parts[0] === 'participants' && parts.length === 2) {
        parts[0] = 'chosen';
      }
      while (parts.length && !known[parts.join('/')]) {
        parts.pop();
      }
      const field = known[parts.join('/')];
      if (!field) {
        return false;
      }
      field.wrong.hidden = false;
      field.wrong.className = of('wrong') + ' ' + of('wrong_' + kind);
      nodes.fill(field.wrong, text);
      field.control.setAttribute('aria-describedby', field.wrong.id);
      if (kind === 'bad') {
        field.control.setAttribute('aria-invalid', 'true');
      }
      for (let place = field.control; place; place = place.parentElement) {
        if (place.tagName === 'DETAILS') {
          place.open = true;
        }
        if (place.hidden) {
          place.hidden = false;
        }
      }
      return true;
    };

    this.unmark = function () {
      Object.keys(known).forEach(function (pointer) {
        known[pointer].wrong.hidden = true;
        known[pointer].control.removeAttribute('aria-invalid');
        known[pointer].control.removeAttribute('aria-describedby');
      });
    };

    this.isReadOnly = isReadOnly;
  };
});
