// The form of one trigger: the platform's inputs, into which a widget writes.
define(['jquery', 'app', 'loader', 'report'], ($, app, loader, report) => {
  function marker(code) {
    return $('<div class="digital-pipeline__short-task">')
      .addClass(`digital-pipeline__short-task_widget-style_${code}`);
  }

  function titled(code) {
    const name = app.state.widget.name || code;
    return marker(code).append($('<span class="digital-pipeline__short-task-title">').text(name));
  }

  function short(element, item) {
    const code = item.is_others ? 'telegraph' : app.state.widget.code;
    const title = item.is_others ? marker(code).text('Telegraph') : titled(code);
    element.empty().removeClass('digital-pipeline__item_open').append(title.attr('tabindex', 0));
  }

  function fields(item) {
    const wrapper = $('<div id="widget_settings__fields_wrapper">');
    Object.keys(app.state.widget.trigger_fields).forEach((key) => {
      const input = $('<input type="text" class="text-input">').attr('name', key);
      input.val(item.settings[key] || '');
      wrapper.append($('<div class="widget_settings_block__item_field form-group">').append(
        $('<div class="widget_settings_block__title_field">').attr('title', key).text(key),
        $('<div class="widget_settings_block__input_field">').append(input)
      ));
    });
    return wrapper;
  }

  function footer() {
    const save = $('<button type="button" class="button-input js-trigger-save">').text('Done');
    return $('<div class="digital-pipeline__edit-footer">').append(
      save.addClass('button-input-disabled').prop('disabled', true),
      $('<button type="button" class="button-input button-cancel js-trigger-cancel">').text('Cancel'),
      $('<button type="button" class="digital-pipeline__edit-delete-wrapper" aria-label="Delete">')
        .append($(document.createElementNS('http://www.w3.org/2000/svg', 'svg'))
          .attr('class', 'digital-pipeline__edit-delete'))
    );
  }

  // The marker stands above the form, around all of it, or inside it: versions differ.
  function form(item) {
    const { code } = app.state.widget;
    const body = $('<div class="task-edit__body__form">').append(fields(item));
    const edited = $('<form class="digital-pipeline__edit-forms">').append(body);
    edited.on('submit', (event) => event.preventDefault());
    const action = $('<div data-action="send_widget_hook">').append(
      edited, $('<div class="digital-pipeline__warning-container">'), footer()
    );
    if (app.state.marker === 'around') {
      return marker(code).append(action);
    }
    if (app.state.marker === 'inside') {
      body.prepend($('<div class="task-edit__body__head">').append($('<p>').append(titled(code))));
    } else {
      action.prepend($('<div class="digital-pipeline__head">').append(titled(code)));
    }
    return action;
  }

  function values(element) {
    const found = {};
    element.find('#widget_settings__fields_wrapper input[name]').each((_, input) => {
      found[input.name] = input.value;
    });
    const names = Object.keys(app.state.widget.trigger_fields).sort().join();
    if (Object.keys(found).sort().join() !== names) {
      report.failed(`the inputs of the trigger are ${Object.keys(found).sort().join()}`);
    }
    return found;
  }

  async function open(element, item, on) {
    element.empty().addClass('digital-pipeline__item_open').append(form(item));
    element.on('input.trigger change.trigger', 'input[name]', (event) => {
      if (event.target.name in app.state.widget.trigger_fields) {
        element.find('.js-trigger-save').trigger('button:save:enable');
      }
    });
    const closed = (deed) => () => {
      const settings = values(element);
      element.off('.trigger');
      short(element, item);
      deed(settings);
    };
    element
      .on('click.trigger', '.js-trigger-save', closed(on.save))
      .on('click.trigger', '.js-trigger-cancel', closed(on.cancel))
      .on('click.trigger', '.digital-pipeline__edit-delete-wrapper', closed(on.remove));
    await loader.forModal(app.state.widget, 'digital_pipeline');
    await loader.call('dpSettings');
    if (app.state.marker === 'around') {
      await loader.call('dpSettings');
    }
  }

  return { short, open };
});
