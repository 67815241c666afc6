-- What each account used and paid in the month.
CREATE TABLE used AS
SELECT account, SUM(minutes) AS minutes, SUM(megabytes) AS megabytes
FROM usage
WHERE TO_CHAR(day, 'YYYY-MM') = {{month}}
GROUP BY account;

CREATE TABLE paid AS
SELECT account, SUM(amount) AS amount
FROM invoices
WHERE TO_CHAR(issued, 'YYYY-MM') = {{month}}
GROUP BY account;
