// Apply the stored theme before the first paint. A classic script, because modules run later.
"use strict";
try {
  document.documentElement.dataset.theme =
    localStorage.getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
} catch {
  // Storage is blocked: the system's theme applies.
}
