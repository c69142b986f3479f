define(['./nodes.js', './own_pause.js'], function (nodes, ownPause) {
  const PLACE = '#left_menu .nav__top__userbar';
  const MARK = 'avatar';

  // The switch beside the user's own menu; nothing is asked of the server before it is opened.
  return function avatar(server, said) {
    const mine = '.' + nodes.of(MARK);

    function show(button, panel) {
      const isOpen = panel.hidden;
      panel.hidden = !isOpen;
      button.setAttribute('aria-expanded', String(isOpen));
      if (!isOpen) {
        return;
      }
      nodes.fill(panel, nodes.tell(said.text('loading'), 'soft'));
      server.bootstrap('settings').then(function (found) {
        nodes.fill(panel, ownPause(server, said, found));
      }, function (failure) {
        nodes.fill(panel, nodes.tell(said.failure(failure), 'bad'));
      });
    }

    function attach() {
      const place = document.querySelector(PLACE);
      if (!place || place.querySelector(mine)) {
        return;
      }
      const panel = nodes.el('div', { hidden: true });
      const button = nodes.button(said.text('pause.own'), function () { show(button, panel); });
      button.setAttribute('aria-expanded', 'false');
      const root = nodes.root(MARK);
      nodes.fill(root, [button, panel]);
      place.appendChild(root);
    }

    function detach() {
      document.querySelectorAll(mine).forEach(function (each) { each.parentNode.removeChild(each); });
    }

    return { attach: attach, detach: detach };
  };
});
