define(['./nodes.js', './constants.js'], function (nodes, constants) {
  const HEIGHT_MIN = 320;
  const HEIGHT_MAX = 6000;

  function scheme() {
    return document.documentElement.getAttribute('data-color-scheme') === 'dark' ? 'dark' : 'light';
  }

  // Screens of the console inside Kommo. The address holds no secret: the frame asks for its token
  // by a message, and both sides look at where a message comes from.
  return function frame(root, server, said) {
    let page = null;

    function hear(event) {
      if (!page || event.origin !== constants.ORIGIN || event.source !== page.contentWindow) {
        return;
      }
      const message = event.data || {};
      if (message.fairlead === 'ready') {
        greet();
      } else if (message.fairlead === 'height' && Number.isFinite(message.px)) {
        page.style.height = Math.min(HEIGHT_MAX, Math.max(HEIGHT_MIN, message.px)) + 'px';
      }
    }

    let isFirst = true;

    // It asks again when its token is about to end: then a new one is wanted.
    function greet() {
      (isFirst ? server.session() : server.renewed()).then(function (found) {
        isFirst = false;
        page.contentWindow.postMessage({
          fairlead: 'token', token: found.token, scheme: scheme(), language: server.language(),
        }, constants.ORIGIN);
      }, fail);
    }

    function fail(failure) {
      nodes.fill(root, [
        nodes.tell(said.failure(failure), 'bad'),
        nodes.button(said.text('retry'), load),
      ]);
      page = null;
    }

    function load() {
      nodes.fill(root, nodes.tell(said.text('loading'), 'soft'));
      return server.bootstrap('settings').then(function (found) {
        const address = new URL(found.links.frame, constants.ORIGIN);
        if (address.origin !== constants.ORIGIN) {
          throw { status: 1, detail: '' };
        }
        page = nodes.el('iframe', {
          class: nodes.of('frame'), title: said.text('frame.title'), src: address.href,
        });
        nodes.fill(root, page);
      }).catch(fail);
    }

    window.addEventListener('message', hear);
    load();
    return function () { window.removeEventListener('message', hear); };
  };
});
