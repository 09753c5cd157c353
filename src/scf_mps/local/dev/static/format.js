// Sizes, durations and times in the page's language.

import { language, t } from "./texts.js";

const UNITS = ["B", "KB", "MB", "GB", "TB"];
const formats = new Map();

function getFormat(kind, options) {
  const key = kind.name + language.code + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new kind(language.code, options));
  return formats.get(key);
}

/** Return a number with at most `digits` decimals. */
export function number(value, digits = 0) {
  return getFormat(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value);
}

/** Return bytes as "1.6 MB". */
export function size(bytes) {
  if (bytes == null) return "";
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) [bytes, unit] = [bytes / 1000, unit + 1];
  return `${number(bytes, bytes < 10 && unit ? 1 : 0)} ${UNITS[unit]}`;
}

/** Return milliseconds as "12 ms", "1.2 s" or "3 min 5 s". */
export function milliseconds(value) {
  if (value == null) return "";
  if (value < 999.5) return `${number(value, value < 9.95 ? 1 : 0)} ms`;
  if (value < 59_950) return `${number(value / 1000, 1)} s`;
  const seconds = Math.round(value / 1000);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Return seconds of a video as "0:12" or "1:02:03". */
export function position(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const text = `${parts[0]}:${String(parts[1]).padStart(2, "0")}`;
  return whole < 3600 ? text : `${Math.floor(whole / 3600)}:${text.padStart(5, "0")}`;
}

/** Return the age of a time, such as "3 min ago". */
export function age(time, now) {
  const seconds = Math.max(0, now - time);
  const [value, unit] =
    seconds < 60
      ? [seconds, "second"]
      : seconds < 3600
        ? [seconds / 60, "minute"]
        : seconds < 86_400
          ? [seconds / 3600, "hour"]
          : [seconds / 86_400, "day"];
  if (unit === "second" && seconds < 2) return t("time.now");
  return getFormat(Intl.RelativeTimeFormat, { style: "narrow" }).format(-Math.floor(value), unit);
}

/** Return a time of day, with the date if it is not today. */
export function clock(time, digits = 0) {
  const date = new Date(time * 1000);
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  if (digits) options.fractionalSecondDigits = digits;
  if (date.toDateString() !== new Date().toDateString()) Object.assign(options, { month: "short", day: "numeric" });
  return getFormat(Intl.DateTimeFormat, options).format(date);
}

/** Return kbit/s of bit/s. */
export const bitrate = (value) => (value ? `${number(value / 1000)} kbit/s` : "");
