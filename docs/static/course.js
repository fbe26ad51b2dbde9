'use strict';
// The meaning of a term on hover and on focus; Escape closes it. Without this script the link leads to the glossary.

function showMeanings() {
  const box = document.createElement('div');
  box.id = 'meaning';
  box.setAttribute('role', 'tooltip');
  box.hidden = true;
  document.body.append(box);
  let link = null;

  const hide = () => {
    if (link) link.removeAttribute('aria-describedby');
    box.hidden = true;
    link = null;
  };
  const show = (event) => {
    const name = event.currentTarget.getAttribute('href').split('#term-')[1];
    const meaning = window.glossary && window.glossary[name];
    if (!meaning) return;
    hide();
    link = event.currentTarget;
    box.textContent = meaning;
    box.hidden = false;
    link.setAttribute('aria-describedby', box.id);
    const place = link.getClientRects()[0], width = document.documentElement.clientWidth;
    const below = place.bottom + box.offsetHeight + 12 < window.innerHeight;
    box.style.left = `${Math.max(8, Math.min(place.left, width - box.offsetWidth - 8)) + window.scrollX}px`;
    box.style.top = `${(below ? place.bottom + 6 : place.top - box.offsetHeight - 6) + window.scrollY}px`;
  };
  const leave = () => setTimeout(() => {
    if (link && !link.matches(':hover, :focus') && !box.matches(':hover')) hide();
  }, 100);

  for (const term of document.querySelectorAll('a.term')) {
    term.addEventListener('mouseenter', show);
    term.addEventListener('focus', show);
    term.addEventListener('mouseleave', leave);
    term.addEventListener('blur', leave);
  }
  box.addEventListener('mouseleave', leave);
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
}

// Explorers take their theme from where JupyterLab says its own.
function tellTheme() {
  const dark = document.documentElement.dataset.theme === 'dark';
  document.body.dataset.jpThemeLight = dark ? 'false' : 'true';
}

// What scrolls sideways can be reached with the keyboard.
function reachWideParts() {
  const wide = '.bd-article :is(pre, .pst-scrollable-table-container, .formula, :is(p, li, dd, td):has(> math))';
  for (const part of document.querySelectorAll(wide)) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  }
}

showMeanings();
tellTheme();
new MutationObserver(tellTheme).observe(document.documentElement, { attributeFilter: ['data-theme'] });
reachWideParts();
window.addEventListener('resize', reachWideParts);
