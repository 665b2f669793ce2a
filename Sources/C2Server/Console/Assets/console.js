// Keeps a page up to date: requests the parts again that show what has changed. All forms work without it.
"use strict";

(() => {
  // --- Signing in by a link: the key follows the #, which browsers do not send. ---

  const form = document.getElementById("sign-in");
  if (form) {
    const key = /^#key=([0-9a-fA-F]{32})$/.exec(location.hash);
    if (!key) return;
    history.replaceState(null, "", "/");
    form.elements.key.value = key[1];
    form.requestSubmit();
    return;
  }

  const main = document.getElementById("main");
  if (!main || main.dataset.newest === undefined) return;
  const live = document.getElementById("live");
  const alarm = document.getElementById("alarm");
  const announcer = document.getElementById("announcer");
  const tell = (words) => { if (live.textContent !== words) live.textContent = words; };

  // --- The banner ---

  let beat = performance.now();
  let hasBroker = alarm.textContent === "";
  const warn = () => {
    // A hidden page has no stream, and its timers run rarely.
    if (document.hidden) return;
    const silence = performance.now() - beat > 25000;
    const words = silence ? "Nothing has come from the server for 25 seconds: this page may be out of date."
      : hasBroker ? "" : "The server has lost its broker: messages wait until it is connected again.";
    if (alarm.textContent !== words) alarm.textContent = words;
  };
  setInterval(warn, 1000);

  // --- Replacing changed parts ---

  const fields = "input:not([type=hidden]), select";
  const ways = "a[href], button, summary, input, select, [tabindex]";

  // What makes an element the same one after a replacement: never its place, where another order may be now.
  const mark = (one) => [one.tagName, one.id, one.getAttribute("href"), one.name,
    one.tagName === "BUTTON" ? one.value : "", one.tagName === "SUMMARY" ? one.textContent : ""].join("|");

  // Moves the focus to an element, which need not be one that has it by itself.
  const land = (one) => {
    if (!one) return;
    if (one.tabIndex < 0) one.tabIndex = -1;
    one.focus({ preventScroll: true });
  };

  // Puts new content into a part; what was open stays open, what was typed stays, what had the focus keeps it.
  const replace = (part, fresh) => {
    if (part.innerHTML === fresh.innerHTML) return;
    const isOpen = [...part.querySelectorAll("details")].map((one) => one.open);
    const typed = new Map([...part.querySelectorAll(fields)].map((one) => [one.id, one.value]));
    const focus = part.contains(document.activeElement) ? mark(document.activeElement) : null;
    const figure = part.querySelector(".figure");
    const [top, left] = [figure?.scrollTop ?? 0, figure?.scrollLeft ?? 0];
    const isAtEnd = figure ? figure.scrollTop + figure.clientHeight >= figure.scrollHeight - 80 : false;
    part.replaceChildren(...fresh.childNodes);
    part.querySelectorAll("details").forEach((one, index) => { one.open = isOpen[index] || false; });
    part.querySelectorAll(fields).forEach((one) => { one.value = typed.get(one.id) ?? one.value; });
    const now = part.querySelector(".figure");
    if (now) [now.scrollTop, now.scrollLeft] = [isAtEnd ? now.scrollHeight : top, left];
    if (focus !== null) land([...part.querySelectorAll(ways)].find((one) => mark(one) === focus) ?? part.querySelector("h2, h3"));
  };

  // A finished join keeps its place for a while, without its buttons, so that no other button moves to that place.
  const end = (entry) => {
    if (entry.classList.contains("over")) return;
    entry.classList.add("over");
    const hadFocus = entry.contains(document.activeElement);
    for (const one of entry.querySelectorAll("a.button")) one.remove();
    const left = entry.querySelector(".ends");
    if (left) left.textContent = "finished; see the history";
    if (hadFocus) {
      entry.tabIndex = -1;
      entry.focus({ preventScroll: true });
    }
    const leave = () => {
      if (entry.matches(":hover, :focus-within")) setTimeout(leave, 5000);
      else entry.remove();
    };
    setTimeout(leave, 30000);
  };

  // New entries are added below the others; of the others only those change that are over.
  const queue = (part, fresh) => {
    const [list, next] = [part.querySelector("ul"), fresh.querySelector("ul")];
    const wanted = new Set([...next.children].map((item) => item.id));
    // Of a long queue the server lists the beginning: what is not in it may still be open.
    const isCut = fresh.querySelector(".later") !== null;
    const isOpen = (item) => isCut && item.querySelector(".left")?.textContent !== "0 s left";
    for (const item of [...list.children]) if (!wanted.has(item.id) && !isOpen(item)) end(item);
    let added = null;
    for (const item of [...next.children]) {
      const here = document.getElementById(item.id);
      if (!here) {
        list.append(item);
        if (item.querySelector("a.button")) added = item;
      } else if (item.classList.contains("over") && !here.classList.contains("over")) {
        const hadFocus = here.contains(document.activeElement);
        here.replaceWith(item);
        if (hadFocus) item.querySelector("a")?.focus({ preventScroll: true });
      } else {
        const [votes, old] = [item.querySelector(".votes"), here.querySelector(".votes")];
        if (votes && old && votes.textContent !== old.textContent) old.replaceWith(votes);
      }
    }
    if (!added) return;
    const waiting = list.querySelectorAll(".join:not(.over) a.button").length;
    announcer.textContent = waiting === 1 ? `Device ${added.dataset.device} asks to join.` : `${waiting} joins wait for you.`;
  };

  // What a row says, without its times: they change with each look.
  const says = (row) => {
    const copy = row.cloneNode(true);
    for (const one of copy.querySelectorAll("time")) one.remove();
    return copy.textContent;
  };

  // The entries that are new are counted; they are shown on demand, so that nothing moves while somebody reads.
  const count = (part, fresh) => {
    const known = new Set([...part.querySelectorAll("[id]")].map((one) => one.id));
    const rows = [...fresh.querySelectorAll("li[id], tr[id]")];
    const more = rows.filter((one) => !known.has(one.id)).length;
    const changed = rows.filter((one) => known.has(one.id)
      && says(document.getElementById(one.id)) !== says(one)).length;
    let bar = part.querySelector(":scope > .news");
    if (more + changed === 0) { bar?.remove(); return; }
    if (!bar) {
      bar = document.createElement("p");
      bar.className = "news";
      bar.append(document.createElement("button"));
      part.prepend(bar);
    }
    const words = more ? `${more} new, show` : "Show what has changed";
    const button = bar.firstChild;
    if (button.textContent !== words) button.textContent = words;
    button.onclick = () => { part.replaceChildren(...fresh.childNodes); land(part.querySelector("h2, caption, a")); };
  };

  // A finished join has no buttons. Nothing else changes: typed text stays.
  const decide = (part, fresh) => {
    const [old, next] = [part.firstElementChild, fresh.firstElementChild];
    if (old.dataset.state === next.dataset.state) return;
    const hadFocus = part.contains(document.activeElement);
    part.replaceChildren(...fresh.childNodes);
    announcer.textContent = part.querySelector("#result")?.textContent ?? "";
    if (hadFocus) document.getElementById("result")?.focus({ preventScroll: true });
  };

  const take = { replace, queue, count, decision: decide };

  // --- Fetching ---

  const parts = [...document.querySelectorAll("[data-live]")];
  const busy = new Set();
  const again = new Set();

  const fetchPart = async (part) => {
    if (busy.has(part)) { again.add(part); return; }
    busy.add(part);
    try {
      const address = new URL(location.href);
      address.hash = "";
      address.searchParams.delete("said");
      address.searchParams.set("part", part.id.replace("part-", ""));
      const reply = await fetch(address, { cache: "no-store", credentials: "same-origin" });
      if (reply.status === 403) { location.reload(); return; }
      if (!reply.ok) return;
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      const fresh = page.getElementById(part.id);
      // A page without a stream learns from this that the server is there, and whether it has its broker.
      beat = performance.now();
      const broker = fresh?.querySelector("[data-broker]");
      if (broker) hasBroker = broker.dataset.broker === "true";
      warn();
      if (fresh) take[part.dataset.live](part, fresh);
      if (part.id === "part-nav") title(part);
    } catch {
      tell("The server does not answer.");
    } finally {
      busy.delete(part);
      if (again.delete(part)) fetchPart(part);
    }
  };

  const title = (nav) => {
    const waiting = Number(nav.querySelector(".count")?.textContent ?? 0);
    document.title = (waiting ? `(${waiting}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  };

  const refresh = (change) => {
    for (const part of parts) {
      const kinds = part.dataset.kinds.split(" ");
      const concerns = !change || change.kinds.some((kind) => kinds.includes(kind));
      // Without identities it may be any node.
      const other = change && part.dataset.node && change.nodes.length && !change.nodes.includes(part.dataset.node);
      if (concerns && !other) fetchPart(part);
    }
  };

  // --- Events ---

  let events = null;
  let polling = null;
  let retry = null;
  const poll = () => { polling ??= setInterval(() => refresh(null), 5000); };
  const stop = () => {
    events?.close();
    clearInterval(polling);
    clearTimeout(retry);
    events = polling = retry = null;
  };
  const heard = (event) => {
    beat = performance.now();
    const change = JSON.parse(event.data);
    hasBroker = change.broker;
    warn();
    return change;
  };
  const listen = () => {
    stop();
    events = new EventSource("/events");
    events.onopen = () => {
      clearInterval(polling);
      polling = null;
      tell("Live.");
    };
    events.onmessage = (event) => {
      refresh(heard(event));
    };
    events.addEventListener("beat", heard);
    events.addEventListener("ended", () => location.reload());
    events.onerror = () => {
      tell("The server does not answer; trying again.");
      if (events.readyState !== EventSource.CLOSED) return;
      // No stream available: poll periodically, and try again to get one.
      poll();
      retry = setTimeout(listen, 15000);
    };
  };
  // A browser has six connections to a host for all its tabs: hidden tabs do not keep one.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
      poll();
    } else {
      beat = performance.now();
      listen();
      refresh(null);
    }
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // --- Counting down ---

  const began = performance.now();
  const countDown = () => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    for (const entry of document.querySelectorAll("[data-left]")) {
      const place = entry.querySelector(".left");
      if (!place || entry.classList.contains("over")) continue;
      // From when it was first seen.
      entry.dataset.seen ??= seconds;
      const left = Math.max(0, Number(entry.dataset.left) - (seconds - Number(entry.dataset.seen)));
      const words = left >= 60 ? `${Math.floor(left / 60)} min ${left % 60} s left` : `${left} s left`;
      if (place.textContent !== words) place.textContent = words;
    }
  };

  (document.getElementById("said") ?? document.getElementById("result"))?.focus({ preventScroll: true });
  const figure = document.querySelector(".figure");
  if (figure && !figure.querySelector(".map")) figure.scrollTop = figure.scrollHeight;
  countDown();
  setInterval(countDown, 1000);
  listen();
})();
