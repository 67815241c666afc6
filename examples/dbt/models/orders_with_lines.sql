-- `select` is a column of the database's own; a view's names are always lower-case.
select o.id, o.total, d."select" as line
from {{ source('shop', 'orders') }} o
join {{ source('shop', 'order_details') }} d on d.orderid = o.id
