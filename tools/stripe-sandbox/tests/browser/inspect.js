(() => {
  const found = [];
  const say = (what, node) => found.push(`${what}: ${node ? node.outerHTML.slice(0, 90) : ''}`);
  const shown = (node) => node.getClientRects().length > 0;

  // Nothing is cut off or scrolls sideways.
  if (document.documentElement.scrollWidth > window.innerWidth) say('scrolls sideways');
  for (const node of document.querySelectorAll('main *')) {
    const box = node.getBoundingClientRect();
    if (shown(node) && !node.closest('thead') && box.right > window.innerWidth + 1) say('sticks out', node);
  }

  // A language, a title, one main, one h1, headings without a gap.
  if (!document.documentElement.lang) say('no language');
  if (!document.title) say('no title');
  for (const one of ['main', 'h1']) {
    if (document.querySelectorAll(one).length !== 1) say(`not one ${one}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll('main h1, main h2, main h3, main h4')) {
    const own = Number(heading.tagName[1]);
    if (level && own > level + 1) say('a heading level is left out', heading);
    level = own;
  }

  // Ids are unique, fields have labels, links and buttons have names, errors lead to fields.
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  if (new Set(ids).size !== ids.length) say(`ids twice: ${ids}`);
  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (field.labels.length !== 1) say('no label', field);
    for (const id of (field.getAttribute('aria-describedby') || '').split(' ').filter(Boolean)) {
      if (!document.getElementById(id)) say('described by nothing', field);
    }
  }
  for (const node of document.querySelectorAll('a, button')) {
    if (!node.textContent.trim()) say('no name', node);
    const box = node.getBoundingClientRect();
    if (shown(node) && node.matches('button, .button') && box.height < 44) say('too small to touch', node);
  }
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    if (!document.getElementById(link.hash.slice(1))) say('leads nowhere', link);
  }

  // Text stands out from what is behind it (4.5 to 1), and so do the edges of fields (3 to 1).
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const part = (value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    const [red, green, blue] = numbers(color);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const contrast = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const parts = numbers(color);
      if (parts.length === 3 || parts[3] === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (own && shown(node) && contrast(getComputedStyle(node).color, behind(node)) < 4.5) {
      say('too little contrast', node);
    }
    if (node.matches('input[type=text], input[type=email], select, textarea')) {
      const edge = getComputedStyle(node).borderTopColor;
      if (contrast(edge, behind(node.parentElement)) < 3) say('an edge nobody sees', node);
    }
  }
  return found;
})()
