// The platform's controls: templates, and what makes them move.
define([
  'jquery',
  'twigjs',
  'text!/harness/controls/button.twig',
  'text!/harness/controls/checkbox.twig',
  'text!/harness/controls/select.twig',
  'text!/harness/controls/checkboxes_dropdown.twig',
  'text!/harness/controls/input.twig',
  'text!/harness/controls/textarea.twig',
  'text!/harness/controls/date_field.twig',
  'text!/harness/controls/radio.twig',
], ($, Twig, ...templates) => {
  const NAMES = [
    'button', 'checkbox', 'select', 'checkboxes_dropdown', 'input', 'textarea', 'date_field',
    'radio',
  ];
  NAMES.forEach((name, place) => {
    const aliases = name === 'checkboxes_dropdown' ? [`${name}/index`, `${name}/values_title`] : [];
    [name, ...aliases].forEach((each) => {
      Twig.twig({ id: `/tmpl/controls/${each}.twig`, data: templates[place] });
    });
  });

  function enabled(isEnabled) {
    return (event) => {
      const button = $(event.target).closest('.button-input');
      button.toggleClass('button-input-disabled', !isEnabled).prop('disabled', !isEnabled);
    };
  }

  function start() {
    $(document)
      .on('button:save:enable', '.button-input', enabled(true))
      .on('button:save:disable button:save:error', '.button-input', enabled(false))
      .on('button:load:start', '.button-input', (event) => {
        $(event.target).addClass('button-input-loading').prop('disabled', true);
      })
      .on('button:load:stop', '.button-input', (event) => {
        const button = $(event.target).removeClass('button-input-loading');
        button.prop('disabled', button.hasClass('button-input-disabled'));
      })
      .on('change', '.control-checkbox input', (event) => {
        const { checked } = event.target;
        $(event.target).closest('.control-checkbox').toggleClass('is-checked', checked);
      })
      .on('click', '.control--select--button', (event) => {
        $(event.currentTarget).closest('.control--select').toggleClass('is-open');
      })
      .on('click', '.control--select--list--item', (event) => {
        const item = $(event.currentTarget);
        const select = item.closest('.control--select').removeClass('is-open');
        item.addClass('control--select--list--item-selected').siblings()
          .removeClass('control--select--list--item-selected');
        select.find('.control--select--button').text(item.text());
        select.find('input[type=hidden]').val(item.data('value')).trigger('change');
      })
      .on('click', '.checkboxes_dropdown__title_wrapper', (event) => {
        $(event.currentTarget).closest('.checkboxes_dropdown').toggleClass('expanded');
      });
  }

  return { start };
});
