// Keeps a page up to date: requests the page again when something has changed, and replaces the changed parts. All forms work
// without it.
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
  const announcer = document.getElementById("announcer");
  const tell = (words) => { if (live.textContent !== words) live.textContent = words; };

  // --- Replacing changed parts ---

  // What the server sent last for each element: the page itself is changed by its reader (what is open, what counts down).
  const sent = new Map();
  const remember = (root) => {
    for (const list of root.querySelectorAll("[data-live]")) {
      if (["decision", "waiting"].includes(list.id)) continue;
      if (list.id === "figure") sent.set(list.id, list.innerHTML);
      else for (const item of list.children) sent.set(item.id, item.outerHTML);
    }
  };

  const ways = "a[href], button, summary, input, select";

  const fields = "input:not([type=hidden])";
  // Puts the new element where the old one was; what was open stays open, what was typed stays, what had the focus keeps it.
  const replace = (old, fresh) => {
    const isOpen = [...old.querySelectorAll("details")].map((one) => one.open);
    const typed = [...old.querySelectorAll(fields)].map((one) => one.value);
    const focus = [...old.querySelectorAll(ways)].indexOf(document.activeElement);
    fresh.querySelectorAll("details").forEach((one, index) => { one.open = isOpen[index] || false; });
    fresh.querySelectorAll(fields).forEach((one, index) => { one.value = typed[index] || ""; });
    old.replaceWith(fresh);
    if (focus >= 0) fresh.querySelectorAll(ways)[focus]?.focus({ preventScroll: true });
  };

  // A finished join keeps its place for a while, without its buttons, so that no other button moves to that place.
  const end = (card) => {
    if (card.classList.contains("over")) return;
    card.classList.add("over");
    const hadFocus = card.contains(document.activeElement);
    for (const one of card.querySelectorAll("a")) one.remove();
    card.querySelector(".left").textContent = "finished; see the history";
    if (hadFocus) {
      card.tabIndex = -1;
      card.focus({ preventScroll: true });
    }
    const leave = () => {
      if (card.matches(":hover, :focus-within")) setTimeout(leave, 5000);
      else card.remove();
    };
    setTimeout(leave, 30000);
  };

  const update = (list, fresh) => {
    if (list.id === "decision") {
      // A finished join has no buttons. Nothing else changes: typed text stays.
      if (list.dataset.state !== fresh.dataset.state) {
        const hadFocus = list.contains(document.activeElement);
        list.replaceWith(fresh);
        announcer.textContent = fresh.querySelector("#result")?.textContent ?? "";
        if (hadFocus) document.getElementById("result")?.focus({ preventScroll: true });
      }
      return;
    }
    if (list.id === "waiting") {
      if (list.innerHTML !== fresh.innerHTML) list.replaceChildren(...fresh.childNodes);
      return;
    }
    if (list.id === "figure") {
      if (sent.get("figure") === fresh.innerHTML) return;
      const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 80;
      sent.set("figure", fresh.innerHTML);
      list.replaceChildren(...fresh.childNodes);
      if (isAtEnd) list.scrollTop = list.scrollHeight;
      return;
    }
    const wanted = new Set([...fresh.children].map((item) => item.id));
    for (const item of [...list.children]) {
      if (wanted.has(item.id)) continue;
      if (list.id === "joins") end(item);
      else item.remove();
      sent.delete(item.id);
    }
    let place = null;
    for (const item of [...fresh.children]) {
      const html = item.outerHTML;
      let here = document.getElementById(item.id);
      if (!here) {
        here = item;
        // New joins are added below the others, so that nothing moves while somebody clicks.
        if (list.id === "joins") list.append(item);
        else if (place) place.after(item);
        else list.prepend(item);
        if (list.id === "joins") announcer.textContent = `Device ${item.dataset.device} asks to join.`;
      } else if (list.id === "joins") {
        // The remaining time is counted here; only its end is a change.
        if (item.classList.contains("over") && !here.classList.contains("over")) {
          replace(here, item);
          here = item;
        }
      } else if (sent.get(item.id) !== html) {
        replace(here, item);
        here = item;
      }
      sent.set(item.id, html);
      place = here;
    }
  };

  let isAsking = false;
  let isStale = false;
  const refresh = async () => {
    if (isAsking) { isStale = true; return; }
    isAsking = true;
    try {
      const reply = await fetch(location.pathname + location.search, { cache: "no-store", credentials: "same-origin" });
      if (reply.status === 403) { location.reload(); return; }
      if (!reply.ok) return;
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      for (const list of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(list.id);
        if (fresh) update(list, fresh);
      }
      document.title = page.title;
    } catch {
      tell("The server does not answer.");
    } finally {
      isAsking = false;
      if (isStale) { isStale = false; refresh(); }
    }
  };

  // --- Events ---

  let events = null;
  let polling = null;
  let again = null;
  const poll = () => { polling ??= setInterval(refresh, 5000); };
  const stop = () => {
    events?.close();
    clearInterval(polling);
    clearTimeout(again);
    events = polling = again = null;
  };
  const listen = () => {
    stop();
    events = new EventSource(`/events?after=${main.dataset.newest}`);
    events.onopen = () => {
      clearInterval(polling);
      polling = null;
      tell("Live.");
    };
    events.onmessage = (event) => {
      main.dataset.newest = event.lastEventId;
      refresh();
    };
    events.addEventListener("ended", () => location.reload());
    events.onerror = () => {
      tell("The server does not answer; trying again.");
      if (events.readyState !== EventSource.CLOSED) return;
      // No stream available: poll periodically, and try again to get one.
      poll();
      again = setTimeout(listen, 15000);
    };
  };
  // A browser has six connections to a host for all its tabs: hidden tabs do not keep one.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
      poll();
    } else {
      listen();
      refresh();
    }
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // --- Counting down ---

  const began = performance.now();
  const countDown = () => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    for (const card of document.querySelectorAll(".join[data-left]:not(.over)")) {
      // From when it was first seen.
      card.dataset.seen ??= seconds;
      const left = Math.max(0, Number(card.dataset.left) - (seconds - Number(card.dataset.seen)));
      const words = left >= 60 ? `${Math.floor(left / 60)} min ${left % 60} s left` : `${left} s left`;
      const place = card.querySelector(".left");
      if (place.textContent !== words) place.textContent = words;
    }
  };

  remember(document);
  (document.getElementById("said") ?? document.getElementById("result"))?.focus({ preventScroll: true });
  const figure = document.getElementById("figure");
  if (figure) figure.scrollTop = figure.scrollHeight;
  countDown();
  setInterval(countDown, 1000);
  listen();
})();
