define(['jquery', './nodes.js', './constants.js'], function ($, nodes, constants) {
  const el = nodes.el;
  const of = nodes.of;
  const CLOSED = [142, 143];

  // The stages of the account, read from Kommo itself once somebody wants to choose.
  return function stages(said, fields, chosen) {
    const root = el('div', { class: of('stages') });
    let boxes = null;

    function isChosen(pipeline, stage) {
      return chosen.some(function (each) {
        return each.pipeline === pipeline && each.stage === stage;
      });
    }

    function pipelineOf(each) {
      const open = each._embedded.statuses.filter(function (stage) {
        return CLOSED.indexOf(stage.id) < 0;
      });
      return el('fieldset', {}, [el('legend', {}, each.name)].concat(open.map(function (stage) {
        const box = fields.check('limit/stages/' + each.id + '-' + stage.id, stage.name,
          isChosen(each.id, stage.id));
        boxes.push({ pipeline: each.id, stage: stage.id, box: box });
        return box.node;
      })));
    }

    function draw(answer) {
      boxes = [];
      nodes.fill(root, [
        el('p', { class: of('soft') }, said.text('form.stages_all')),
        answer._embedded.pipelines.map(pipelineOf),
      ]);
    }

    function load() {
      if (boxes) {
        return;
      }
      nodes.fill(root, nodes.tell(said.text('loading'), 'soft'));
      $.ajax({
        url: '/api/v4/leads/pipelines', dataType: 'json', timeout: constants.TIMEOUT_MS,
      }).then(draw, function () {
        nodes.fill(root, [
          nodes.tell(said.text('form.stages_failed'), 'bad'),
          nodes.button(said.text('retry'), load),
        ]);
      });
    }

    return {
      node: root,
      load: load,
      get: function () {
        return boxes === null ? chosen : boxes.filter(function (each) {
          return each.box.get();
        }).map(function (each) { return { pipeline: each.pipeline, stage: each.stage }; });
      },
    };
  };
});
