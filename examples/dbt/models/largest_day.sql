select day, total from {{ ref('orders_by_day') }} order by total desc limit 1
