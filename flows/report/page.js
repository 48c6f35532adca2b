"use strict";
// Draws every plot, and draws it again when the colours of the page change. Names are data here: nothing of them is read as HTML.
const plots = JSON.parse(document.getElementById("plots").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function config() {
  const text = dark.matches ? "#b3bcc7" : "#4a5560";
  const line = dark.matches ? "#2c3541" : "#e3e7ec";
  const font = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  return {
    background: "transparent",
    font: font,
    view: { stroke: null },
    axis: { labelColor: text, titleColor: text, titleFontWeight: "normal", gridColor: line, domainColor: line, tickColor: line, labelFontSize: 11, titleFontSize: 11 },
    text: { color: text, font: font },
  };
}

async function draw() {
  const options = { actions: false, renderer: "svg", ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true }, config: config() };
  await Promise.all(Object.entries(plots).map(([name, spec]) => window.vegaEmbed(document.getElementById(name), spec, options)));
  document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
}

dark.addEventListener("change", draw);
draw();
