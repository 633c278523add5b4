// Suggestions for an input, by their labels. The input shows a value's label; what is sent is the value, which may be
// typed as well. Values that share a label are shown as they are.
window.hly.offered = (pairs) => {
  const fold = (text) => text.trim().toLocaleLowerCase();
  const known = new Set(pairs.map(([value]) => value));
  const named = new Map();
  for (const [value, label] of pairs) named.set(fold(label), named.has(fold(label)) ? null : value);
  const words = new Map(pairs.filter(([value, label]) => label && named.get(fold(label)) === value));
  return {
    shown: (value) => words.get(value) ?? value,
    meant: (text) => (known.has(text.trim()) ? text.trim() : named.get(fold(text)) ?? text),
    list: (id) => {
      const list = Object.assign(document.createElement("datalist"), { id });
      list.append(...pairs.map(([value, label]) =>
        Object.assign(document.createElement("option"), words.has(value) ? { value: label } : { value, label })));
      return list;
    },
  };
};
