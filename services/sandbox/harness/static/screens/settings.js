// Settings > Integrations, and the modal of the widget's settings.
define(['jquery', 'app', 'loader', 'report', 'lib/components/base/modal'],
  ($, app, loader, report, Modal) => {
    function field(code, key, of) {
      const row = $('<div class="widget_settings_block__item_field">');
      const title = $('<div class="widget_settings_block__title_field">').attr('title', of.name);
      const input = $('<input>').attr({ name: key, type: 'text' });
      input.val(app.state.widget.settings[key] || '');
      const holder = $('<div class="widget_settings_block__input_field">').append(input);
      if (of.type === 'custom') {
        input.attr({ id: `${code}_custom`, type: 'hidden' });
        holder.append($('<div>').attr('id', `${code}_custom_content`));
      }
      return row.append(title, holder);
    }

    function values($body) {
      const found = {};
      $body.find('#widget_settings__fields_wrapper input[name]').each((_, input) => {
        if (Object.keys(app.state.widget.fields).includes(input.name)) {
          found[input.name] = input.value;
        }
      });
      return found;
    }

    async function kept(widget, event) {
      const callback = widget.callbacks.onSave;
      const answer = callback ? await callback.call(widget, event) : true;
      if (answer === false) {
        throw new Error('refused');
      }
      const stored = await fetch('/ajax/widgets/edit', {
        method: 'POST',
        body: JSON.stringify({ active: event.active === 'Y', settings: event.fields }),
      });
      if (!stored.ok) {
        throw new Error((await stored.json()).detail);
      }
      app.state.widget.active = event.active;
      app.state.widget.settings = event.fields;
    }

    function pressed(modal, widget, active) {
      const button = modal.$body.find('.js-widget-save, .js-widget-install, .js-widget-uninstall');
      button.trigger('button:load:start');
      kept(widget, { active, fields: values(modal.$body) }).then(
        () => {
          if (active === 'N') {
            loader.drop(app.state.widget.code);
          }
          widget.params.widget_active = active;
          modal.destroy();
          $('#page_holder').attr('data-active', active);
        },
        (error) => {
          button.trigger('button:load:stop');
          modal.$body.find('.widget-settings__error').text((error || {}).message || 'Not saved');
        }
      );
    }

    function footer(isActive) {
      const bar = $('<div class="widget-settings__footer">');
      const named = (name, text) => $('<button type="button" class="button-input">')
        .addClass(name).text(text);
      if (!isActive) {
        return bar.append(named('js-widget-install', 'Install'));
      }
      const save = named('js-widget-save', 'Save').addClass('button-input-disabled');
      return bar.append(save.prop('disabled', true), named('js-widget-uninstall', 'Disable'));
    }

    async function open() {
      const entry = app.state.widget;
      const { code } = entry;
      const modal = new Modal({
        class_name: 'widget-settings__modal-wrapper',
        init($body) {
          $body.addClass(`widget-settings__modal ${code}`).trigger('modal:loaded');
          const wrapper = $('<div id="widget_settings__fields_wrapper">');
          Object.entries(entry.fields).forEach(([key, of]) => wrapper.append(field(code, key, of)));
          const space = $('<div class="widget-settings__desc-space">').append(
            $('<h2 class="widget-settings__title">').text(entry.name || code),
            $('<div class="widget_settings_block">').append(wrapper),
            $('<p class="widget-settings__error" role="alert">')
          );
          $body.append(
            $('<button type="button" class="modal-body__close" aria-label="Close">').text('×'),
            $('<img class="widget-settings__logo" alt="">')
              .attr('src', `${entry.images_path}/logo_main.png`),
            space
          ).trigger('modal:centrify');
        },
      });
      const { $body } = modal;
      $body.on('input change', '#widget_settings__fields_wrapper input', () => {
        $body.find('.js-widget-save').trigger('button:save:enable');
      });
      const widget = await loader.forModal(entry, 'settings');
      if (!widget) {
        report.failed('the modal has no widget');
        return;
      }
      $body.find('.widget-settings__title').text(app.state.widget.name || code);
      $body.append(footer(entry.active === 'Y'));
      await loader.call('settings', $body, {});
      $body.on('click', '.js-widget-save, .js-widget-install', () => pressed(modal, widget, 'Y'));
      $body.on('click', '.js-widget-uninstall', () => pressed(modal, widget, 'N'));
    }

    return async (holder) => {
      holder.append($('<h1>').text('Integrations'));
      const card = $('<button type="button" class="widget-card">').append(
        $('<img alt="" width="130" height="100">')
          .attr('src', `${app.state.widget.images_path}/logo.png`),
        $('<span>').text(app.state.widget.name)
      );
      card.on('click', open).appendTo(holder);
      await loader.enter('widgets_settings');
    };
  });
