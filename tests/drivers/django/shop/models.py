"""The tables as models; the harness makes them."""

from django.db import models
from django.db.models.functions import Now


class Customer(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.TextField()
    email = models.CharField(max_length=120, unique=True)
    ssn = models.CharField(max_length=11, null=True)
    phone = models.TextField(null=True)
    birth = models.DateField(null=True)
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    visits = models.IntegerField(null=True)
    points = models.BigIntegerField(null=True)
    level = models.SmallIntegerField(null=True)
    vip = models.BooleanField(null=True)
    score = models.FloatField(null=True)
    seen = models.DateTimeField(null=True)
    opens = models.TimeField(null=True)
    token = models.UUIDField(null=True)
    photo = models.BinaryField(null=True)
    prefs = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    created = models.DateTimeField(db_default=Now())

    class Meta:
        managed = False
        db_table = "customers"

    def __repr__(self):
        return f"Customer({[(name, bytes(value) if isinstance(value, memoryview) else value) for name, value in vars(self).items() if name[0] != '_' and name != 'created']})"


class Order(models.Model):
    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    card = models.TextField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.TextField(default="new")
    note = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "orders"

    def __repr__(self):
        return f"Order({[(name, value) for name, value in vars(self).items() if name[0] != '_']})"


class Event(models.Model):
    kind = models.TextField()
    data = models.JSONField(null=True)
    at = models.DateTimeField(null=True)
    id = models.AutoField(primary_key=True)

    class Meta:
        managed = False
        db_table = "events"
