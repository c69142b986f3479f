// The platform's Modal, written anew after what is documented of it.
define(['jquery'], ($) => {
  function Modal(options) {
    const settings = options || {};
    this.options = settings;
    this.$overlay = $('<div class="modal modal-list">').addClass(settings.class_name || '');
    this.$modal = $('<div class="modal-scroller custom-scroll">').appendTo(this.$overlay);
    this.$body = $('<div class="modal-body modal-body-relative" role="dialog" aria-modal="true">');
    this.$modal.append(this.$body);
    $(document.body).append(this.$overlay);
    this.$body.on('modal:loaded', () => {
      this.$body.addClass('modal-body-loaded');
    });
    this.$overlay.on('click', (event) => {
      const isOutside = event.target === this.$overlay[0] || event.target === this.$modal[0];
      if (isOutside || $(event.target).closest('.modal-body__close').length) {
        this.destroy();
      }
    });
    this._onKey = (event) => {
      if (event.key === 'Escape') {
        this.destroy();
      }
    };
    this._onPage = () => this.destroy();
    $(document).on('keydown', this._onKey).on('page:changed', this._onPage);
    if (settings.init) {
      settings.init.call(this, this.$body);
    }
  }

  Modal.prototype.destroy = function destroy() {
    if (this.isGone || (this.options.destroy && this.options.destroy.call(this) === false)) {
      return;
    }
    this.isGone = true;
    $(document).off('keydown', this._onKey).off('page:changed', this._onPage);
    this.$overlay.remove();
  };

  Modal.prototype.showError = function showError(text) {
    this.$body.append($('<div class="modal-body__error" role="alert">').text(text));
  };

  Modal.prototype.showSuccess = function showSuccess(text, done, lasts) {
    this.$body.append($('<div class="modal-body__success" role="status">').text(text));
    window.setTimeout(() => {
      this.destroy();
      if (done) {
        done();
      }
    }, lasts || 1000);
  };

  return Modal;
});
