"""The models, as a Django application declares them. No word of encryption."""

import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models

DAY = datetime.datetime(2024, 6, 1, tzinfo=datetime.timezone.utc)


class FixedChar(models.CharField):
    """char(n), which Django has no field for."""

    def db_type(self, connection):
        return f"char({self.max_length})"


class Person(models.Model):
    name = models.CharField(max_length=80)
    email = models.EmailField(max_length=120, unique=True)
    ssn = FixedChar(max_length=11, null=True)
    birth = models.DateField(null=True)
    salary = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    notes = models.TextField(null=True)
    badge = models.IntegerField(unique=True, null=True)
    token = models.UUIDField(null=True)
    meta = models.JSONField(null=True)
    seen = models.DateTimeField(null=True)
    city = models.CharField(max_length=40, default="")
    active = models.BooleanField(default=True)
    tags = ArrayField(models.TextField(), default=list)
    created = models.DateTimeField(default=DAY)

    class Meta:
        db_table = "people"
        ordering = ["id"]


class Contact(models.Model):
    person = models.ForeignKey(Person, models.CASCADE, related_name="contacts")
    kind = models.CharField(max_length=20)
    mail = models.TextField(null=True)
    phone = models.CharField(max_length=30, null=True)
    comment = models.TextField(null=True)

    class Meta:
        db_table = "contacts"
        ordering = ["id"]


class Product(models.Model):
    id = models.UUIDField(primary_key=True)
    sku = models.CharField(max_length=20, unique=True)
    label = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        db_table = "products"


class Order(models.Model):
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="orders")
    number = models.IntegerField(unique=True)
    status = models.CharField(max_length=12)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    placed = models.DateTimeField()
    card = models.CharField(max_length=25, null=True)
    remark = models.TextField(null=True)
    products = models.ManyToManyField(Product, through="OrderLine", related_name="orders")

    class Meta:
        db_table = "orders"
        ordering = ["id"]


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.IntegerField()

    class Meta:
        db_table = "order_lines"
        ordering = ["id"]
