// The Digital Pipeline: columns with triggers, the form of one of them, and a Save for all.
define(['jquery', 'app', 'loader', 'report', 'screens/trigger', 'lib/components/base/modal'],
  ($, app, loader, report, trigger, Modal) => {
    let board = null;

    function changed() {
      $('.digital-pipeline__save-button').trigger('button:save:enable');
    }

    function drawn(item) {
      const column = $(`.digital-pipeline__column[data-stage-id="${item.status_id}"]`);
      const element = $('<div class="digital-pipeline__item">').attr({
        'data-process-id': item.key,
        'data-stage-id': item.status_id,
      });
      trigger.short(element, item);
      element.on('click', '.digital-pipeline__short-task', (event) => {
        const isClosed = !$(event.target).closest('[data-action]').length;
        if (isClosed && !item.is_others && !$('.digital-pipeline__edit-forms').length) {
          edit(element, item);
        }
      });
      return element.appendTo(column.find('.digital-pipeline__items'));
    }

    function edit(element, item) {
      trigger.open(element, item, {
        save(settings) {
          item.settings = settings;
          item.is_new = false;
          changed();
        },
        cancel() {
          if (item.is_new) {
            board.items = board.items.filter((each) => each !== item);
            element.remove();
          }
        },
        remove() {
          board.items = board.items.filter((each) => each !== item);
          element.remove();
          changed();
        },
      });
    }

    function added(status) {
      const modal = new Modal({
        class_name: 'digital-pipeline__add-modal',
        init($body) {
          $body.trigger('modal:loaded').append(
            $('<h2>').text('Add a trigger'),
            $('<button type="button" class="button-input js-trigger-choose">')
              .text(app.state.widget.name)
          ).trigger('modal:centrify');
        },
      });
      modal.$body.on('click', '.js-trigger-choose', () => {
        modal.destroy();
        const item = {
          id: null, key: `new${board.items.length}`, status_id: status.id, settings: {}, is_new: true,
        };
        board.items.push(item);
        edit(drawn(item), item);
      });
    }

    async function saved() {
      const triggers = board.items
        .filter((item) => !item.is_others && !item.is_new)
        .map(({ id, status_id, settings }) => ({ id, status_id, settings }));
      const answer = await fetch(`/ajax/pipelines/${board.pipeline.id}`, {
        method: 'POST',
        body: JSON.stringify({ triggers }),
      });
      if (!answer.ok) {
        report.failed(`the pipeline was not saved: ${await answer.text()}`);
        return;
      }
      $('.digital-pipeline__save-button').trigger('button:save:disable');
      board.holder.attr('data-saved', String(Number(board.holder.attr('data-saved') || 0) + 1));
    }

    async function copied() {
      const answer = await fetch(`/ajax/pipelines/${board.pipeline.id}/copy`, { method: 'POST' });
      const made = await answer.json();
      const link = $('<a class="js-go">').attr('href', `/settings/pipeline/leads/${made.pipeline_id}`);
      board.holder.find('.digital-pipeline__top').append(link.text('Open the copy'));
    }

    function column(status) {
      const head = $('<h3>').text(status.name);
      const add = $('<button type="button" class="digital-pipeline__add js-trigger-add">')
        .text('+ Add trigger').attr('aria-label', `Add a trigger to ${status.name}`);
      add.on('click', () => added(status));
      return $('<div class="digital-pipeline__column">').attr('data-stage-id', status.id)
        .append(head, $('<div class="digital-pipeline__items">'), add);
    }

    return async (holder, [id]) => {
      const pipeline = app.state.pipelines.find((each) => each.id === Number(id));
      board = { holder, pipeline, items: [] };
      const top = $('<div class="digital-pipeline__top">').append(
        $('<h1>').text(pipeline.name),
        $('<button type="button" class="button-input js-pipeline-copy">').text('Copy'),
        $('<button type="button" class="button-input digital-pipeline__save-button">').text('Save')
          .addClass('button-input-disabled').prop('disabled', true)
      );
      top.on('click', '.js-pipeline-copy', copied)
        .on('click', '.digital-pipeline__save-button', saved);
      const columns = $('<div class="digital-pipeline__columns">');
      const open = pipeline.statuses.filter((each) => !each.is_incoming);
      open.forEach((status) => columns.append(column(status)));
      holder.append($('<div class="digital-pipeline">').append(top, columns));
      const others = { id: null, key: 'other', status_id: open[1].id, is_others: true };
      board.items = pipeline.triggers.map((each) => ({ ...each, key: String(each.id) }));
      [others, ...board.items].forEach(drawn);
      await loader.enter('digital_pipeline');
    };
  });
