/** What is ordered, in capitals, so that it can be read from afar. */
function upper(message, metadata) {
  const order = JSON.parse(message.data);
  return {
    data: JSON.stringify({ ...order, what: order.what.toUpperCase() }),
    attributes: message.attributes,
  };
}
