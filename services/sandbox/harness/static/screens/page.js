// Pages that a widget draws by itself: its own in Settings, and those in the left menu.
define(['jquery', 'app', 'loader'], ($, app, loader) => {
  // The first is the documents' container, the second is what the platform's samples draw into.
  async function advanced(holder, [code]) {
    const isNew = new URLSearchParams(window.location.search).get('container') === 'work-area';
    const id = isNew ? `work-area-${code}` : 'list_page_holder';
    $('<div class="list__body-right__top">').append($('<h1>').text(code)).appendTo(holder);
    $('<div>').attr('id', id).appendTo(holder);
    await loader.enter('advanced_settings');
    await loader.call('advancedSettings');
  }

  async function menu(holder, [code, item, sub]) {
    $('<div>').attr('id', `work-area-${code}`).appendTo(holder);
    await loader.enter('widget_page');
    const params = { location: 'widget_page', item_code: item, subitem_code: sub };
    await loader.call('initMenuPage', params);
  }

  return { advanced, menu };
});
