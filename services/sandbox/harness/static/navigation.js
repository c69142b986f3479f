// From page to page without loading the document anew, as the platform does.
define(
  ['jquery', 'app', 'loader', 'screens/settings', 'screens/board', 'screens/card', 'screens/page'],
  ($, app, loader, settings, board, card, page) => {
    const SCREENS = [
      [/^\/settings\/widgets\/$/, settings],
      [/^\/settings\/pipeline\/leads\/(\d+)/, board],
      [/^\/leads\/detail\/(\d+)/, card],
      [/^\/settings\/widgets\/([\w-]+)\/$/, page.advanced],
      [/^\/widget_page\/([\w-]+)\/([\w-]+)\/(?:([\w-]+)\/)?$/, page.menu],
    ];

    async function refresh() {
      const answer = await fetch('/ajax/state');
      Object.assign(app.state, await answer.json());
    }

    async function show(path) {
      const holder = $('#page_holder').empty();
      app.own.data.current_card.id = 0;
      app.own.data.is_card = false;
      app.own.data.current_entity = '';
      const [pattern, screen] = SCREENS.find(([each]) => each.test(path)) || SCREENS[0];
      const parts = (pattern.exec(path) || []).slice(1);
      await screen(holder, parts);
      $(document).trigger('page:changed');
      holder.attr('data-ready', path);
    }

    async function go(path) {
      loader.leave();
      window.history.pushState(null, '', path);
      await refresh();
      await show(path);
    }

    function start() {
      $(document).on('click', '.js-go', (event) => {
        event.preventDefault();
        go($(event.currentTarget).attr('href'));
      });
      $(document).on('click', '.js-left-avatar', (event) => {
        const bar = $('.nav__top__userbar');
        bar.prop('hidden', !bar.prop('hidden'));
        $(event.currentTarget).attr('aria-expanded', String(!bar.prop('hidden')));
      });
      window.addEventListener('popstate', () => {
        loader.leave();
        show(window.location.pathname);
      });
      show(window.location.pathname);
    }

    return { start };
  }
);
