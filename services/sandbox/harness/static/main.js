// What Kommo's pages start with. Everything after it is loaded as the platform does, by RequireJS.
requirejs.config({
  baseUrl: '/harness/static',
  paths: {
    jquery: '/harness/vendor/jquery.min',
    underscore: '/harness/vendor/underscore-min',
    moment: '/harness/vendor/moment.min',
    twigjs: '/harness/vendor/twig.min',
    'lib/components/base/modal': 'modal',
  },
  waitSeconds: 30,
});

requirejs(['app', 'controls', 'navigation'], (app, controls, navigation) => {
  window.APP = app.guarded;
  window.AMOCRM = app.guarded;
  controls.start();
  navigation.start();
});
