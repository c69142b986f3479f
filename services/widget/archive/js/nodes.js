define(['./constants.js'], function (constants) {
  // Every text becomes a text node: what an account holds is never read as HTML.
  function append(parent, child) {
    if (Array.isArray(child)) {
      child.forEach(function (each) { append(parent, each); });
    } else if (child instanceof Node) {
      parent.appendChild(child);
    } else if (child !== null && child !== undefined && child !== false) {
      parent.appendChild(document.createTextNode(String(child)));
    }
    return parent;
  }

  function set(node, name, value) {
    if (name.slice(0, 2) === 'on') {
      node.addEventListener(name.slice(2), value);
    } else if (name in node && typeof value === 'boolean') {
      node[name] = value;
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }

  function el(tag, attributes, children) {
    const node = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) { set(node, name, attributes[name]); });
    return append(node, children);
  }

  function fill(node, children) {
    while (node.firstChild) {
      node.removeChild(node.firstChild);
    }
    return append(node, children);
  }

  function of(part) {
    return constants.ROOT + '__' + part;
  }

  function button(text, onclick, kind) {
    const attributes = { type: 'button', class: of('button'), onclick: onclick };
    if (kind) {
      attributes.class += ' ' + of('button_' + kind);
    }
    return el('button', attributes, text);
  }

  // Reachable by keyboard although it does nothing, so that its reason can be read there.
  function refuse(node, reason) {
    node.setAttribute('aria-disabled', 'true');
    node.addEventListener('click', function (event) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    return el('span', { class: of('refused') }, [node, el('span', { class: of('soft') }, reason)]);
  }

  function tell(text, kind) {
    return el('p', {
      class: of('told') + ' ' + of('told_' + kind),
      role: kind === 'bad' ? 'alert' : 'status',
    }, text);
  }

  function root(part) {
    return el('div', { class: of('root') + ' ' + of(part) });
  }

  return { el: el, fill: fill, of: of, button: button, refuse: refuse, tell: tell, root: root };
});
