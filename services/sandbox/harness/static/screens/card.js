// The card of a lead, with the panel of widgets on its right.
define(['jquery', 'app', 'loader'], ($, app, loader) => {
  function stages(lead) {
    const select = $('<select class="pipeline-select">').attr('aria-label', 'Stage');
    app.state.pipelines.forEach((pipeline) => {
      const group = $('<optgroup>').attr('label', pipeline.name).appendTo(select);
      pipeline.statuses.forEach((status) => {
        $('<option>').val(`${pipeline.id}/${status.id}`).text(status.name).appendTo(group);
      });
    });
    select.val(`${lead.pipeline_id}/${lead.status_id}`);
    return select.on('change', async () => {
      const [pipeline, status] = select.val().split('/').map(Number);
      await fetch(`/ajax/leads/${lead.id}/move`, {
        method: 'POST',
        body: JSON.stringify({ pipeline_id: pipeline, status_id: status }),
      });
      select.attr('data-moved', select.val());
    });
  }

  async function leadOf(id) {
    const answer = await fetch(`/api/v4/leads/${id}`);
    return answer.status === 200 ? answer.json() : null;
  }

  return async (holder, [id]) => {
    const number = Number(id);
    app.own.data.current_card.id = number;
    app.own.data.is_card = true;
    app.own.data.current_entity = 'leads';
    const left = $('<section id="card_holder" class="card-holder">');
    const lead = number ? await leadOf(number) : null;
    left.append($('<h1>').text(lead ? lead.name || `Lead #${id}` : 'New lead'));
    if (lead) {
      const owner = app.state.managers[lead.responsible_user_id] || { title: 'nobody' };
      left.append(
        $('<label>').text('Stage').append(stages(lead)),
        $('<p class="card-responsible">').text(`Responsible: ${owner.title}`)
      );
    }
    holder.append($('<div class="card-fields">').append(
      left,
      $('<aside id="widgets_block" class="card-widgets" aria-label="Widgets">')
    ));
    await loader.enter('lcard');
  };
});
