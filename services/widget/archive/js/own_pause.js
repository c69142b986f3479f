define(['./pause.js'], function (Pause) {
  function refusal(said, found) {
    if (!found.activity.enabled) {
      return said.text('pause.off');
    }
    return found.me.may_pause ? '' : said.text('pause.not_yours');
  }

  // The pause of whoever is looking, as every screen of ours shows it.
  return function ownPause(server, said, found) {
    return new Pause(server, said, {
      managerId: found.me.user_id,
      pause: found.me.pause || null,
      isOwn: true,
      zone: found.account && found.account.zone,
      refused: refusal(said, found),
    }).node;
  };
});
