define(['./nodes.js'], function (nodes) {
  // The console in a tab of its own. The tab is opened in the click itself, else a browser takes
  // it for advertising; the code that signs in comes afterwards and is worth one use.
  function open(server, said, to, told) {
    const tab = window.open('about:blank', '_blank');
    if (!tab) {
      nodes.fill(told, nodes.tell(said.text('failed.tab'), 'bad'));
      return;
    }
    tab.opener = null;
    server.ask('POST', '/login-code', { to: to }).then(
      function (answer) {
        nodes.fill(told, null);
        if (/^https?:\/\//.test(answer.url)) {
          tab.location.replace(answer.url);
        }
      },
      function (failure) {
        tab.close();
        nodes.fill(told, nodes.tell(said.failure(failure), 'bad'));
      }
    );
  }

  function link(server, said, text, to) {
    const told = nodes.el('span', {});
    const button = nodes.button(text, function () { open(server, said, to, told); }, 'link');
    return nodes.el('span', {}, [button, told]);
  }

  return { link: link };
});
