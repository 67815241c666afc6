-- Offers that are enough for what an account used and cheaper than what it paid, the best first.
CREATE TABLE recommended AS
SELECT account, email, offer, title, saves, rank
FROM (
    SELECT a.id AS account, a.email, o.offer, o.title, CAST(p.amount - o.price AS DECIMAL(10, 2)) AS saves,
           ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY p.amount - o.price DESC, o.offer) AS rank
    FROM accounts a
    JOIN used u ON u.account = a.id
    JOIN paid p ON p.account = a.id
    JOIN offers o ON o.megabytes >= u.megabytes AND o.price < p.amount
) ranked
WHERE rank <= CAST({{most_offers}} AS INTEGER);
