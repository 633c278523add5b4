// Searchable choices as Django makes them say to nobody what they are about: here they get their label.
(() => {
  const $ = django.jQuery;
  const make = $.fn.djangoAdminSelect2;
  const labelled = (select) =>
    select.getAttribute("aria-label") || (select.labels[0] && select.labels[0].firstChild.textContent.trim()) || "";

  $.fn.djangoAdminSelect2 = function () {
    make.call(this);
    return this.each(function () {
      const shown = this.nextElementSibling?.querySelector(".select2-selection");
      if (!shown) return;
      const value = shown.querySelector(".select2-selection__rendered");
      // Not an input of its own, only what the choice shows.
      value.removeAttribute("role");
      value.removeAttribute("aria-readonly");
      const tell = () => {
        const chosen = this.selectedOptions[0];
        shown.removeAttribute("aria-labelledby");
        shown.setAttribute("aria-label", [labelled(this), chosen && chosen.value && chosen.text].filter(Boolean).join(": "));
        for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) {
          if (this.hasAttribute(name)) shown.setAttribute(name, this.getAttribute(name));
        }
      };
      tell();
      $(this).on("change", tell);
    });
  };

  $(document).on("select2:open", (event) => {
    const search = document.querySelector(".select2-container--open .select2-search__field");
    search?.setAttribute("aria-label", labelled(event.target));
    document.querySelector(".select2-container--open .select2-results__options")?.setAttribute("aria-label", labelled(event.target));
  });
})();
