// The board: cards are moved by mouse, touch and keyboard, and the server always decides. Without this script a card
// has a menu, which posts, and a column leads to its list.
(() => {
// Listeners outside of the board end with it, by ``signal``.
function start(board, signal) {
  const form = document.getElementById("move");
  const announcer = document.querySelector("[data-announce]");
  const said = JSON.parse(document.getElementById("board-said").textContent);
  const columns = [...board.querySelectorAll("[data-column]")];
  const HOLD = 250; // ms that a finger rests before it lifts a card; before that it scrolls
  const SLACK = 6; // px that a pointer may move before it drags

  const columnOf = (element) => element.closest("[data-column]");
  const columnAt = (state) => columns.find((column) => column.dataset.column === state);
  const listOf = (column) => column.querySelector("ol");
  const cardOf = (element) => element.closest("[data-card]");
  const find = (id) => board.querySelector(`[data-card="${CSS.escape(id)}"]`);
  const nameOf = (card) => card.querySelector(".name").textContent.trim();
  const waysFrom = (column) => column.dataset.ways.split(",").filter(Boolean);
  const say = (key, values = {}) =>
    said[key].replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
  const announce = (text) => {
    announcer.textContent = "";
    requestAnimationFrame(() => (announcer.textContent = text));
  };
  // Outside of the page, so that renewing the board does not remove the toast.
  const tell = (text, undo) => {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.append(Object.assign(document.createElement("span"), { textContent: text }));
    if (undo) toast.append(window.hly.undoForm(undo));
    document.getElementById("toasts").replaceChildren(toast);
    window.hly.fade();
  };

  // -- placing cards -----------------------------------------------------------------------------

  const put = (card, column) => listOf(column).prepend(card);

  const placeOf = (card) => ({ column: columnOf(card), next: card.nextElementSibling });

  const putBack = (card, place) => {
    listOf(place.column).insertBefore(card, place.next?.isConnected ? place.next : null);
    card.classList.remove("waiting");
    card.classList.add("sprung");
    card.addEventListener("animationend", () => card.classList.remove("sprung"), { once: true });
  };

  const tidy = () => {
    for (const column of columns) {
      column.querySelector(".none").hidden = listOf(column).children.length > 0;
    }
  };

  const number = (numbers) => {
    for (const [state, { count, sum }] of Object.entries(numbers || {})) {
      const column = columnAt(state);
      if (!column) continue;
      column.querySelector("[data-count]").textContent = count;
      column.querySelector("[data-sum]").textContent = sum;
      const jump = document.querySelector(`[data-jump="${CSS.escape(state)}"] [data-count]`);
      if (jump) jump.textContent = count;
    }
  };

  const made = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstElementChild;
  };

  const refuse = (card, reason, fix) => {
    card.querySelector(".refusal")?.remove();
    const line = document.createElement("p");
    line.className = "refusal";
    line.textContent = reason;
    if (fix) {
      const link = document.createElement("a");
      link.href = fix.url;
      link.textContent = fix.label;
      line.append(" ", link);
    }
    card.append(line);
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
    announce(fix ? `${reason} ${fix.label}` : reason);
  };

  // -- requests ----------------------------------------------------------------------------------

  const send = async (place, body) => {
    const answer = await window.hly.write(place, form.action, {
      body,
      headers: { Accept: "application/json" },
      redirect: "error",
    });
    if (!(answer.headers.get("Content-Type") || "").startsWith("application/json")) {
      throw new Error(String(answer.status));
    }
    return { ok: answer.ok, ...(await answer.json()) };
  };

  const bodyFor = (value) => {
    const body = new FormData(form);
    body.set("move", value);
    return body;
  };

  // Replaces the card by the server's version, in its column.
  const renew = (card, answer, place) => {
    number(answer.numbers);
    if (!answer.card) {
      const reason = answer.reason;
      card.remove();
      tidy();
      if (reason) {
        tell(reason);
        announce(reason);
      }
      return null;
    }
    const fresh = made(answer.card);
    const focused = card.contains(document.activeElement) || document.activeElement === document.body;
    const home = columnAt(answer.state);
    if (home && columnOf(card) !== home) {
      if (place && place.column === home) putBack(card, place);
      else put(card, home);
    }
    card.replaceWith(fresh);
    if (!home) fresh.remove();
    tidy();
    if (focused) fresh.querySelector(".name")?.focus({ preventScroll: true });
    return fresh;
  };

  const settle = (card, place, answer) => {
    if (answer.ok) {
      const fresh = renew(card, answer, null);
      if (fresh) fresh.scrollIntoView({ block: "nearest", inline: "nearest" });
      tell(answer.said, answer.undo);
      announce(answer.said);
      return;
    }
    const fresh = renew(card, answer, place);
    if (!fresh) return;
    fresh.classList.add("sprung");
    fresh.addEventListener("animationend", () => fresh.classList.remove("sprung"), { once: true });
    refuse(fresh, answer.reason, answer.fix);
  };

  const failed = (card, place, problem, target, offer) => {
    putBack(card, place);
    tidy();
    if (!(problem instanceof window.hly.Unsent)) return refuse(card, say("failed"));
    announce(problem.message);
    window.hly.tell(card, problem.message, () => move(card, target, placeOf(card), offer));
  };

  // ``offer`` answers the question of the verb: it is the text that the card was dropped on.
  const move = async (card, target, place = placeOf(card), offer = null) => {
    if (card.classList.contains("waiting")) return;
    for (const line of card.querySelectorAll(".refusal, .unsent")) line.remove();
    card.classList.add("waiting");
    const column = columnAt(target);
    if (column && columnOf(card) !== column) put(card, column);
    tidy();
    try {
      const body = bodyFor(`${card.dataset.card} ${card.dataset.version} ${target}`);
      if (offer) for (const [name, value] of [["asked", "1"], [offer.dataset.offer, offer.dataset.value]]) body.set(name, value);
      const answer = await send(card, body);
      if (answer.dialog) ask(card, place, answer.dialog);
      else settle(card, place, answer);
    } catch (problem) {
      failed(card, place, problem, target, offer);
    }
  };

  // -- verbs that ask first ----------------------------------------------------------------------

  const ask = (card, place, html) => {
    const dialog = made(html);
    document.querySelector(".hly").append(dialog);
    let done = false;
    const leave = () => {
      dialog.remove();
      if (done) return;
      putBack(card, place);
      tidy();
      card.querySelector(".name").focus();
      announce(say("cancelled", { name: nameOf(card), state: place.column.dataset.label }));
    };
    dialog.addEventListener("close", leave);
    dialog.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      const button = dialog.querySelector("[type=submit]");
      if (button.disabled) return;
      button.disabled = true;
      try {
        const answer = await send(event.target, new FormData(event.target));
        done = true;
        window.hly.forget(event.target);
        dialog.close();
        if (answer.dialog) ask(card, place, answer.dialog);
        else settle(card, place, answer);
      } catch (problem) {
        // Keeps the input, to send it again.
        button.disabled = false;
        const text = problem instanceof window.hly.Unsent ? problem.message : say("failed");
        window.hly.tell(event.target, text, () => event.target.requestSubmit());
      }
    });
    dialog.showModal();
    if (window.django?.jQuery?.fn.djangoAdminSelect2) {
      django.jQuery(dialog).find(".admin-autocomplete").djangoAdminSelect2();
    }
    window.hly.restore(dialog.querySelector("form"));
    const first = dialog.querySelector(".bad input, .bad textarea, .inputs input, .inputs textarea");
    first?.focus();
  };

  // -- the menu of a card ----------------------------------------------------------------------

  board.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="move"]');
    if (!button) return;
    event.preventDefault();
    const card = cardOf(button);
    button.closest("details").open = false;
    card.querySelector(".name").focus({ preventScroll: true });
    move(card, button.value.split(" ").slice(2).join(" "));
  });

  // An open menu is above what scrolls, on the side with room for it.
  board.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (!menu.open || !menu.matches(".menu")) return;
      for (const other of board.querySelectorAll(".menu[open]")) if (other !== menu) other.open = false;
      const list = menu.querySelector("div");
      const at = menu.getBoundingClientRect();
      const down = at.bottom + list.offsetHeight + 8 < window.innerHeight;
      list.style.position = "fixed";
      list.style.top = `${down ? at.bottom + 4 : at.top - list.offsetHeight - 4}px`;
      list.style.left = `${Math.max(8, at.right - list.offsetWidth)}px`;
      list.style.right = "auto";
    },
    true,
  );
  board.addEventListener("scroll", () => board.querySelector(".menu[open]")?.removeAttribute("open"), true);

  // -- marking where a card may go -------------------------------------------------------------

  const mark = (card) => {
    const home = columnOf(card);
    const ways = waysFrom(home);
    board.classList.add("dragging");
    for (const column of columns) {
      if (column === home) continue;
      const possible = ways.includes(column.dataset.column);
      column.classList.add(possible ? "possible" : "forbidden");
      const offers = column.querySelector(".offers");
      if (offers) offers.hidden = !possible;
    }
  };

  // Marks the text that the card would be dropped on.
  const aimAt = (offer) => {
    for (const each of board.querySelectorAll("[data-offer]")) each.classList.toggle("aimed", each === offer);
  };

  const over = (column, home) => {
    for (const each of columns) {
      each.classList.toggle("over", each === column && column !== home);
      const why = each.querySelector(".why");
      why.hidden = !(each === column && each.classList.contains("forbidden"));
      if (!why.hidden) why.textContent = home.dataset.hint;
    }
  };

  const unmark = () => {
    board.classList.remove("dragging");
    for (const column of columns) {
      column.classList.remove("possible", "forbidden", "over");
      column.querySelector(".why").hidden = true;
      const offers = column.querySelector(".offers");
      if (offers) offers.hidden = true;
    }
    aimAt(null);
  };

  const drop = (card, column, home, offer) => {
    if (!column || column === home) return;
    if (!waysFrom(home).includes(column.dataset.column)) {
      putBack(card, placeOf(card));
      refuse(card, home.dataset.hint);
      return;
    }
    move(card, column.dataset.column, placeOf(card), offer);
  };

  // -- mouse and touch -------------------------------------------------------------------------

  let drag = null;

  const lift = () => {
    const { card, x, y } = drag;
    const box = card.getBoundingClientRect();
    drag.lifted = true;
    drag.offset = [x - box.left, y - box.top];
    drag.ghost = card.cloneNode(true);
    drag.ghost.classList.add("board-ghost");
    drag.ghost.removeAttribute("data-card");
    drag.ghost.setAttribute("aria-hidden", "true");
    drag.ghost.dataset.loaded = "1";
    drag.ghost.style.width = `${box.width}px`;
    document.querySelector(".hly").append(drag.ghost);
    card.classList.add("lifted");
    mark(card);
    follow(x, y);
    navigator.vibrate?.(10);
  };

  // Past the edge of the board, the column at that edge is meant.
  const aim = () => {
    const edge = board.getBoundingClientRect();
    const [x, y] = drag.at;
    const inside = Math.min(Math.max(x, Math.max(edge.left, 0) + 2), Math.min(edge.right, innerWidth) - 2);
    const under = document.elementFromPoint(inside, y);
    drag.column = under?.closest("[data-column]") || null;
    drag.offer = under?.closest("[data-offer]") || null;
    aimAt(drag.offer);
    over(drag.column, drag.home);
  };

  const follow = (x, y) => {
    drag.ghost.style.transform = `translate(${x - drag.offset[0]}px, ${y - drag.offset[1]}px) rotate(1.5deg)`;
    drag.at = [x, y];
    aim();
    const edge = board.getBoundingClientRect();
    drag.pull = x < edge.left + 48 ? -12 : x > edge.right - 48 ? 12 : 0;
    if (drag.pull && !drag.pulling) pull();
  };

  const pull = () => {
    drag.pulling = drag.pull !== 0;
    if (!drag.pulling) return;
    board.scrollLeft += drag.pull;
    aim();
    requestAnimationFrame(() => drag && pull());
  };

  const finish = (dropped) => {
    if (!drag) return;
    clearTimeout(drag.timer);
    const { card, lifted, column, home, ghost, offer } = drag;
    drag = null;
    if (!lifted) return;
    ghost.remove();
    card.classList.remove("lifted");
    unmark();
    // Suppresses the click at the end of a drag.
    const stop = (event) => {
      event.preventDefault();
      event.stopPropagation();
    };
    window.addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => window.removeEventListener("click", stop, { capture: true }), 0);
    if (dropped) drop(card, column, home, offer);
  };

  board.addEventListener("pointerdown", (event) => {
    const card = cardOf(event.target);
    if (!card || event.button !== 0 || !event.isPrimary || event.target.closest(".menu, .refusal")) return;
    if (!columnOf(card).hasAttribute("data-movable") || card.classList.contains("waiting") || held) return;
    drag = { card, home: columnOf(card), x: event.clientX, y: event.clientY, touch: event.pointerType !== "mouse" };
    if (drag.touch) drag.timer = setTimeout(() => drag && lift(), HOLD);
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > SLACK;
    if (!drag.lifted) {
      if (!far) return;
      if (drag.touch) return finish(false); // it scrolls
      lift();
    }
    event.preventDefault();
    follow(event.clientX, event.clientY);
  }, { signal });
  window.addEventListener("pointerup", () => finish(true), { signal });
  window.addEventListener("pointercancel", () => finish(false), { signal });
  board.addEventListener("dragstart", (event) => event.preventDefault());
  board.addEventListener("contextmenu", (event) => drag?.touch && event.preventDefault());
  document.addEventListener("touchmove", (event) => drag?.lifted && event.preventDefault(), { passive: false, signal });

  // -- keyboard --------------------------------------------------------------------------------

  let held = null;

  const hold = (card) => {
    const home = columnOf(card);
    if (!home.hasAttribute("data-movable")) return announce(home.dataset.hint);
    held = { card, home, column: home };
    card.classList.add("held");
    mark(card);
    announce(say("picked", { name: nameOf(card), state: home.dataset.label }));
  };

  const carry = (step) => {
    const next = columns[columns.indexOf(held.column) + step];
    if (!next) return;
    held.column = next;
    held.offer = null;
    aimAt(null);
    over(next, held.home);
    next.scrollIntoView({ block: "nearest", inline: "center" });
    const key = next.classList.contains("forbidden") ? "forbidden" : "over";
    announce(say(key, { state: next.dataset.label }));
  };

  // Up and down choose one of the texts of a column; above the first one is none.
  const choose = (by) => {
    const offers = [...held.column.querySelectorAll(".offers:not([hidden]) [data-offer]")];
    if (!offers.length) return;
    held.offer = offers[offers.indexOf(held.offer) + by] || null;
    aimAt(held.offer);
    held.offer?.scrollIntoView({ block: "nearest" });
    announce(held.offer ? held.offer.dataset.value : say("over", { state: held.column.dataset.label }));
  };

  const release = (dropped) => {
    const { card, home, column, offer } = held;
    held = null;
    card.classList.remove("held");
    unmark();
    if (dropped && column !== home) return drop(card, column, home, offer);
    announce(say("cancelled", { name: nameOf(card), state: home.dataset.label }));
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  const focusCard = (card) => {
    card?.querySelector(".name").focus();
    card?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  const step = (card, key) => {
    if (!card) return focusCard(board.querySelector("[data-card]"));
    if (key === "ArrowDown" || key === "j") return focusCard(card.nextElementSibling);
    if (key === "ArrowUp" || key === "k") return focusCard(card.previousElementSibling);
    const direction = key === "ArrowRight" ? 1 : -1;
    const row = [...card.parentElement.children].indexOf(card);
    for (let at = columns.indexOf(columnOf(card)) + direction; columns[at]; at += direction) {
      const cards = listOf(columns[at]).children;
      if (cards.length) return focusCard(cards[Math.min(row, cards.length - 1)]);
    }
  };

  board.addEventListener("keydown", (event) => {
    const card = event.target.matches(".name") && cardOf(event.target);
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (held) {
      if (key === "ArrowLeft" || key === "ArrowRight") carry(key === "ArrowRight" ? 1 : -1);
      else if (key === "ArrowUp" || key === "ArrowDown") choose(key === "ArrowDown" ? 1 : -1);
      else if (key === " " || key === "Enter") release(true);
      else if (key === "Escape" || key === "Tab") release(false);
      if (key !== "Tab") event.preventDefault();
    } else if (key === " ") {
      event.preventDefault();
      if (!card.classList.contains("waiting")) hold(card);
    } else if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "j", "k"].includes(key)) {
      event.preventDefault();
      step(card, key);
    }
  });
  // Without a focus, starts at the first card.
  document.addEventListener("keydown", (event) => {
    const nowhere = event.target === document.body || event.target.matches("main");
    if (!nowhere || event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
    event.preventDefault();
    step(null, event.key);
  }, { signal });
  board.addEventListener("focusout", () => {
    setTimeout(() => held && !held.card.contains(document.activeElement) && release(false), 0);
  });

  // A board that is renewed during a drag gets its marks again.
  const resume = () => {
    const way = drag || held;
    if (!way) return;
    if (!way.card.isConnected) {
      if (drag) return finish(false);
      held = null;
      return unmark();
    }
    way.home = columnOf(way.card);
    if (way === drag && !drag.lifted) return;
    way.card.classList.add(drag ? "lifted" : "held");
    unmark();
    mark(way.card);
    if (drag) return aim();
    over(held.column, held.home);
    aimAt(held.offer);
  };
  document.addEventListener("parts", resume, { signal });
  // A focused card may be in another place now: if it was visible, it is scrolled into view.
  let seen = null;
  document.addEventListener("fresh", () => {
    const card = document.activeElement.closest("[data-card]");
    const at = card?.getBoundingClientRect();
    seen = at && at.bottom > 0 && at.top < innerHeight ? card : null;
  }, { signal });
  document.addEventListener("parts", () => {
    if (seen?.contains(document.activeElement)) seen.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, { signal });

  // -- more cards of a column, and links to columns ----------------------------------------------

  board.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-more]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (link.dataset.loading) return;
    link.dataset.loading = "1";
    try {
      const answer = await window.hly.send(link.dataset.more, { headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const { cards, more } = await answer.json();
      const list = listOf(columnOf(link));
      const holder = document.createElement("template");
      holder.innerHTML = cards;
      // Cards that were moved here meanwhile are here already.
      const fresh = [...holder.content.children].filter((card) => !find(card.dataset.card));
      for (const card of fresh) card.dataset.loaded = "1";
      list.append(...fresh);
      announce(say("loaded", { count: fresh.length }));
      focusCard(fresh[0]);
      if (more) link.dataset.more = more;
      else link.remove();
    } catch (problem) {
      const text = problem instanceof window.hly.Unsent ? problem.message : say("failed");
      tell(text);
      announce(text);
    }
    delete link.dataset.loading;
  });

  const jumps = document.querySelector(".jump");
  jumps.addEventListener("click", (event) => {
    const link = event.target.closest("[data-jump]");
    if (!link) return;
    event.preventDefault();
    columnAt(link.dataset.jump).scrollIntoView({ block: "nearest", inline: "center" });
  });
  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        const link = jumps.querySelector(`[data-jump="${CSS.escape(target.dataset.column)}"]`);
        if (isIntersecting) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
    { root: board, threshold: 0.6 },
  );
  const watch = () => {
    for (const column of columns) {
      watcher.unobserve(column);
      watcher.observe(column);
    }
  };
  watch();
  document.addEventListener("parts", watch, { signal });
  signal.addEventListener("abort", () => watcher.disconnect());
}

let now = null;
let ending = null;
function begin() {
  const board = document.querySelector("[data-board]");
  if (board === now) return;
  ending?.abort();
  [now, ending] = [board, new AbortController()];
  if (board) start(board, ending.signal);
}
document.addEventListener("DOMContentLoaded", begin);
document.addEventListener("parts", begin);
})();
