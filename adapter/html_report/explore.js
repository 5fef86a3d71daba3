// Plots to be looked at closer: the drawing stays, and beside it the same specification in Vega.
'use strict';
(() => {
  const refuse = () => Promise.reject(new Error('a report loads nothing'));
  const inPage = (to) => (String(to).startsWith('#') ? Promise.resolve({ href: to }) : refuse());
  const loader = { load: refuse, http: refuse, file: refuse, sanitize: inPage };
  const config = JSON.parse(document.getElementById('vega-config').textContent);

  const drawn = (held, container) => {
    const { spec } = vegaRuntime.compile(JSON.parse(held.textContent), { config });
    // Without the interpreter Vega would make functions of text, which the page's policy forbids.
    const program = vegaRuntime.parse(spec, undefined, { ast: true });
    const expr = vegaRuntime.expressionInterpreter;
    return new vegaRuntime.View(program, { expr, loader, container, renderer: 'svg', hover: true })
      .runAsync();
  };

  for (const held of document.querySelectorAll('script.spec')) {
    const figure = document.getElementById(held.dataset.figure);
    const still = figure.querySelector('.scroll');
    const moving = still.cloneNode(false);
    moving.hidden = true;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'closer';
    button.textContent = `Look closer: ${figure.querySelector('figcaption strong').textContent}`;
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', async () => {
      if (!moving.firstChild) await drawn(held, moving);
      moving.hidden = !moving.hidden;
      still.hidden = !moving.hidden;
      button.setAttribute('aria-pressed', String(still.hidden));
    });
    still.before(button);
    still.after(moving);
  }
})();
