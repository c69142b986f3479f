define(['jquery', './constants.js'], function ($, constants) {
  const LANGUAGES = ['en', 'es', 'pt', 'ru'];

  function failureOf(xhr) {
    const body = xhr.responseJSON || {};
    return {
      status: xhr.status || 0,
      // Said by our server in words for people, or nothing that could be shown.
      detail: typeof body.detail === 'string' ? body.detail : '',
      errors: Array.isArray(body.errors) ? body.errors : [],
    };
  }

  function answerOf(request) {
    return new Promise(function (resolve, reject) {
      request.then(
        function (body) { resolve(body || {}); },
        function (xhr) { reject(failureOf(xhr)); }
      );
    });
  }

  // One for each loaded widget: its session lives in memory and ends with the page.
  return function Server(widget) {
    let session = null;
    let isEnded = false;

    function begin() {
      const beginning = answerOf(widget.$authorizedAjax({
        url: constants.ORIGIN + constants.PATH + '/session',
        method: 'POST',
        dataType: 'json',
        timeout: constants.TIMEOUT_MS,
      }));
      session = beginning;
      beginning.catch(function () {
        if (session === beginning) {
          session = null;
        }
      });
      return beginning;
    }

    function language() {
      const chosen = String(APP.lang_id || 'en').slice(0, 2);
      return LANGUAGES.indexOf(chosen) < 0 ? 'en' : chosen;
    }

    function send(token, method, path, body, key) {
      const headers = { Authorization: 'Bearer ' + token, 'Accept-Language': language() };
      if (key) {
        headers['Idempotency-Key'] = key;
      }
      return answerOf($.ajax({
        url: constants.ORIGIN + constants.PATH + path,
        method: method,
        headers: headers,
        data: body === undefined ? undefined : JSON.stringify(body),
        contentType: body === undefined ? false : 'application/json',
        dataType: 'json',
        timeout: constants.TIMEOUT_MS,
        // Ours is a page's own state; what a browser keeps of it would be shown as present.
        cache: true,
      }));
    }

    function only(promise) {
      return promise.then(
        function (answer) { return isEnded ? new Promise(function () {}) : answer; },
        function (failure) {
          return isEnded ? new Promise(function () {}) : Promise.reject(failure);
        }
      );
    }

    this.session = function () { return only(session || begin()); };

    this.renewed = function () { return only(begin()); };

    this.language = language;

    // One new session where the former one has ended, then what went wrong is told.
    this.ask = function (method, path, body, key) {
      const used = session || begin();
      return only(used.then(function (found) {
        return send(found.token, method, path, body, key).catch(function (failure) {
          if (failure.status !== 401) {
            throw failure;
          }
          const next = session && session !== used ? session : begin();
          return next.then(function (renewed) {
            return send(renewed.token, method, path, body, key);
          });
        });
      }));
    };

    this.bootstrap = function (screen, query) {
      return this.ask('GET', '/bootstrap?' + $.param(Object.assign({ screen: screen }, query)));
    };

    // After it no answer reaches a page that somebody has left.
    this.end = function () { isEnded = true; };
  };
});
